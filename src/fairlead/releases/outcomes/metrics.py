"""What is measured of both arms of a release by what came later: labels, and what they earned."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec.structs import replace

from fairlead.stats import Moments, Split, merge_moments, merge_splits

MetricKind = Literal["accuracy", "error", "absolute_error", "mean", "share", "ratio"]

OF_LABELS: tuple[MetricKind, ...] = ("accuracy", "error", "absolute_error")
SHARES: tuple[MetricKind, ...] = ("accuracy", "error", "share")
WRITTEN = "accuracy, error, absolute_error, mean:NAME, share:NAME, ratio:NAME or ratio:NAME/NAME"

_OF_FEEDBACK = re.compile(r"(mean|share|ratio):([^/]{1,128})(?:/([^/]{1,128}))?")


class Metric(msgspec.Struct, frozen=True):
    """One metric of the units of an arm.

    Args:
        kind: `accuracy` and `error` are shares of labelled rows, `absolute_error` the mean over
            them; `mean` is the sum of a value under a unit's predictions, over all units; `share`
            that of units in which it is above 0; `ratio` the sum of a value over that of another,
            or over all predictions.
        value: name of the feedback.
        over: name of the feedback below.
    """

    kind: MetricKind
    value: str = ""
    over: str = ""

    @property
    def per_unit(self) -> bool:
        """Whether every unit counts, also one of which nothing came."""
        return self.kind in ("mean", "share")

    @property
    def place(self) -> tuple[int, ...]:
        """The columns of its moments: of the mean, or of what is above and below."""
        return (0,) if self.per_unit else (0, 1)

    @property
    def other(self) -> int | None:
        """The column of what a share leaves: its misses."""
        return len(self.place) if self.kind in SHARES else None

    @property
    def known(self) -> tuple[int, ...]:
        """The columns of the same metric before the release, behind its own."""
        first = len(self.place) + (self.kind in SHARES)
        return tuple(place + first for place in self.place)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the feedback it is made of."""
        if self.kind in OF_LABELS:
            return ("label",)
        return (self.value, self.over) if self.over else (self.value,)


def read_metric(text: str) -> Metric | None:
    """A metric as people write it; None if it is none.

    Example:
        >>> read_metric("ratio:clicks/views")
        Metric(kind='ratio', value='clicks', over='views')
        >>> read_metric("accuracy").names, read_metric("revenue")
        (('label',), None)
    """
    for kind in OF_LABELS:
        if text == kind:
            return Metric(kind)
    found = _OF_FEEDBACK.fullmatch(text)
    if found is None or (found[3] and found[1] != "ratio"):
        return None
    return Metric(msgspec.convert(found[1], MetricKind), found[2], found[3] or "")


class Beside(msgspec.Struct, frozen=True):
    """Units of both arms at the same time, first seen at one step of a release.

    Args:
        control: of the stable version, or what it did before, where nothing else answered since.
        candidate: of the other.
    """

    control: Moments
    candidate: Moments


class Arrived(msgspec.Struct, frozen=True):
    """How much has come for the predictions of an arm.

    Args:
        rows: predictions.
        came: those for which something came.
        delay_s: after which about half of that came; None without any.
    """

    rows: int = 0
    came: int = 0
    delay_s: float | None = None


class Seen(msgspec.Struct, frozen=True):
    """What is known of a metric.

    Args:
        steps: of the release, as far as units were first seen in them.
        control: what has come for the stable version's predictions.
        candidate: what has come for the candidate's.
    """

    steps: tuple[Beside, ...] = ()
    control: Arrived = Arrived()
    candidate: Arrived = Arrived()


class Outcomes(msgspec.Struct, frozen=True):
    """What came of a release's predictions, in sums alone.

    Args:
        split: new units by arm, the stable version's first, at each share there was.
        moved: units that were in both arms, as the share grew.
        metrics: by the name they are written with.
    """

    split: Split = Split()
    moved: int = 0
    metrics: dict[str, Seen] = {}


def merge(one: Outcomes, other: Outcomes) -> Outcomes:
    """Of the units of both, of which none are the same, in the same steps; within rounding."""
    names = {**one.metrics, **other.metrics}
    none = Seen()
    return Outcomes(
        merge_splits(one.split, other.split),
        one.moved + other.moved,
        {
            name: _merged(one.metrics.get(name, none), other.metrics.get(name, none))
            for name in names
        },
    )


def _merged(one: Seen, other: Seen) -> Seen:
    steps = one.steps or other.steps
    if one.steps and other.steps:
        steps = tuple(
            Beside(merge_moments(a.control, b.control), merge_moments(a.candidate, b.candidate))
            for a, b in zip(one.steps, other.steps, strict=True)
        )
    came = [
        _added(a, b) for a, b in ((one.control, other.control), (one.candidate, other.candidate))
    ]
    return Seen(steps, *came)


def _added(one: Arrived, other: Arrived) -> Arrived:
    """Of parts made by chance the medians are about the same, and so is their mean."""
    came = one.came + other.came
    waited_s = sum((part.delay_s or 0.0) * part.came for part in (one, other))
    return Arrived(one.rows + other.rows, came, waited_s / came if came else None)


def known_steps(outcomes: Outcomes) -> Outcomes:
    """Without the steps of which nothing is known."""
    return replace(
        outcomes,
        metrics={
            name: replace(
                seen,
                steps=tuple(
                    step for step in seen.steps if step.control.units or step.candidate.units
                ),
            )
            for name, seen in outcomes.metrics.items()
        },
    )


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment is about.

    Args:
        name: of the metric, as it is written.
        metric: that shall get better.
        higher: whether more is better.
        mde: the least difference worth finding, relative to the stable version's.
        power: chance to find it.
        units: of both arms, at which a decision is planned; 0 where nothing is known before.
        before_us: how long before the release units are measured too, to know them (CUPED).
        peek: whether it may be decided at any look; else at the planned units alone.
        auto: whether a candidate that is proven better is promoted without asking.
    """

    name: str
    metric: Metric
    higher: bool = True
    mde: float = 0.05
    power: float = 0.8
    units: int = 0
    before_us: int = 0
    peek: bool = True
    auto: bool = False
