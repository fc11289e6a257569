"""The values of this package: windows, what a comparison finds, and what is watched over time."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.monitoring.business import Goal
from fairlead.monitoring.span import Span
from fairlead.profiles import Profile
from fairlead.stats import Dispersion, Estimate, Evidence

Side = Literal["input", "output"]
Kind = Literal["schema", "missing", "out_of_range", "new_categories", "constant", "duplicates"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A profile over a stretch of time.

    Args:
        endpoint: that was asked.
        version: that answered.
        role: of its arm.
        start_us: first microsecond since 1970 that belongs to it.
        end_us: first one that does not.
        profile: of its rows.
    """

    endpoint: str
    version: str
    role: str
    start_us: int
    end_us: int
    profile: Profile


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When a window is worth an alert: what is seen is no chance, and it is large enough.

    Args:
        alpha: chance of any alert in a window where nothing moved.
        effect_min: least effect of a drift, as PSI above chance; 0.02 is a shift of normal
            values by 0.14 standard deviations.
        rise_min: least rise of a share, as of missing values.
        repeats_min: least rise of the share of rows that repeat an earlier one.
        rows_min: least rows of a window and of a reference; with fewer nothing is tested.
    """

    alpha: float = 0.01
    effect_min: float = 0.02
    rise_min: float = 0.01
    repeats_min: float = 0.05
    rows_min: int = 100


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How one field moved.

    Args:
        side: of the model that it is on.
        test: that gave the p-value; "none" if there was nothing to test.
        statistic: of the test.
        degrees: of freedom.
        p_value: of this field alone.
        adjusted_p: with all else that was tested in the window.
        effect: PSI less its mean by chance; may be below zero.
        psi: population stability index.
        jensen_shannon: distance, in nats.
        kolmogorov_smirnov: largest gap of the distribution functions; None for categories.
        wasserstein: in robust standard deviations of the reference; None for categories.
        drifted: whether it is both significant and large enough.
        why: in a sentence.
    """

    side: Side
    test: str
    statistic: float
    degrees: int
    p_value: float
    adjusted_p: float
    effect: float
    psi: float
    jensen_shannon: float
    kolmogorov_smirnov: float | None
    wasserstein: float | None
    drifted: bool
    why: str


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that may be wrong with a field's values.

    Args:
        field: its name; `whole row` of rows that repeat each other.
        side: of the model that it is on.
        kind: of fault.
        share: of the window's rows that have it.
        rise: of the share over the reference's.
        p_value: of this test alone; 0 for a broken schema, which is no matter of chance.
        adjusted_p: with all else that was tested in the window.
        broken: whether it is both significant and large enough.
        why: in a sentence.
    """

    field: str
    side: Side
    kind: Kind
    share: Estimate
    rise: Estimate
    p_value: float
    adjusted_p: float
    broken: bool
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two profiles.

    Args:
        rows: of the window.
        reference_rows: of the reference.
        fields: by name; parts of a field by `name.part`.
        quality: what was looked at, and whether it is broken.
    """

    rows: int
    reference_rows: int
    fields: dict[str, Drift]
    quality: tuple[Quality, ...]

    @property
    def alarm(self) -> bool:
        """Whether anything drifted or broke."""
        return bool(self.drifted or self.broken)

    @property
    def drifted(self) -> tuple[str, ...]:
        """The fields that did."""
        return tuple(name for name, field in self.fields.items() if field.drifted)

    @property
    def broken(self) -> tuple[Quality, ...]:
        """What is wrong with the values."""
        return tuple(one for one in self.quality if one.broken)


class Repetition(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How many rows of a window repeat an earlier one.

    Args:
        rows: of the window.
        share: of them that do.
        worth: how many independent rows would tell that share as well.
        most: share of them that repeat one and the same row: that which came most often.
    """

    rows: float
    share: float
    worth: float
    most: float


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows an endpoint has in a window, beside earlier ones like it.

    Args:
        rows: of the window, whichever version answered.
        expected: with the interval that holds the next window's rows.
        p_value: two-sided.
        broken: whether it is outside of its alpha.
    """

    rows: int
    expected: Estimate
    p_value: float
    broken: bool


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How many false alarms an endpoint may raise.

    Args:
        alarms: in a month, on average, over all fields together.
        windows: of a month; 730 hours.
        learn: windows of past before the first alarm.
    """

    alarms: float = 1.0
    windows: float = 730.0
    learn: int = 48


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How much worse answers may become before it is harm.

    Args:
        accuracy_drop: below a classifier's own reference, as a share of the rows.
        error_rise: above a regressor's own rmse, relative to it.
        rows_min: least labelled rows that are tested together; with fewer it waits for more.
        budget: of false alarms, over all guards of a version together; its windows are those in
            which labels come.
    """

    accuracy_drop: float = 0.02
    error_rise: float = 0.1
    rows_min: int = 30
    budget: Budget = Budget(alarms=0.5)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint's windows are watched.

    Args:
        reference: what a window is compared with: the training set, the same hour of past days or
            of past weeks, or chosen days, each as far as there are rows of it.
        grace_us: after a window's end before it is looked at, for rows that are still on the way.
        rule: when a window is worth an alert.
        budget: of false alarms.
        volume_alpha: chance that a window's rows are found to be too few or too many by chance.
        terms: under which performance is guarded.
        goals: that are measured beside, by name.
        slices: inputs by whose values performance is told; a few of few values if None.
    """

    reference: Literal["training", "day", "week"] | Span = "training"
    grace_us: int = 120_000_000
    rule: Rule = Rule()
    budget: Budget = Budget()
    volume_alpha: float = 0.001
    terms: Terms = Terms()
    goals: dict[str, Goal] = {}
    slices: tuple[str, ...] | None = None


class Past(msgspec.Struct, frozen=True):
    """What windows of a field taught of how they vary.

    Args:
        windows: how many.
        around: how they vary around the reference.
        parts: how those of each part of the day do, see `part_of`.
        among: how each of the later ones varies around those before it.
        counts: of all of them together, over the reference's bins.
    """

    windows: int = 0
    around: Dispersion = Dispersion()
    parts: dict[int, Dispersion] = {}
    among: Dispersion = Dispersion()
    counts: tuple[float, ...] = ()


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one field.

    Args:
        evidence: of a change, over the windows since the last alarm.
        past: how its windows varied while it did not drift.
        held: how the last windows varied, as long as each looks like a change.
        drifting: whether it has alarmed and not recovered.
        quiet: windows in a row that look like the reference again, while it drifts.
    """

    evidence: Evidence = Evidence()
    past: Past = Past()
    held: Past = Past()
    drifting: bool = False
    quiet: int = 0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an endpoint's windows: a few numbers for each field.

    Args:
        windows: that were looked at.
        fields: by name.
    """

    windows: int = 0
    fields: dict[str, Watched] = {}


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What one more window adds.

    Args:
        alarms: fields whose evidence reached the budget's threshold in this window.
        recovered: fields that drifted and look like the reference again.
        drifting: fields that have alarmed and not recovered.
        evidence: of each field, before it was set back by an alarm.
        threshold: that one field alone needs; k fields need a k-th of it each.
        why: in a sentence.
    """

    alarms: tuple[str, ...]
    recovered: tuple[str, ...]
    drifting: tuple[str, ...]
    evidence: dict[str, float]
    threshold: float
    why: str
