"""Whether all fields together have drifted, from how well days can be told from the first week."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

import msgspec
from msgspec.structs import replace

from fairlead.monitoring.domain import Domain
from fairlead.monitoring.recall import DAY_US, WEEK_US
from fairlead.monitoring.records import Stream
from fairlead.records import Kind
from fairlead.stats import Estimate

REFERENCE_US = WEEK_US
LEARN_DAYS = 7
"""Before the first alarm: a whole week, as a Sunday may differ from a Monday at all times."""
AUC_MIN = 0.6
"""The least area that is worth an alert: one field's shift by a third of its deviation."""
MONTH_DAYS = 730 / 24
KEEP_DAYS = 60
FIELDS_SHOWN = 3
DROP_MIN = 0.01


class Telling(msgspec.Struct, frozen=True):
    """A field that tells days apart.

    Args:
        field: its name.
        drop: what the area under the curve loses without it.
    """

    field: str
    drop: float


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day beside the first week.

    Args:
        start_us: of the day, microseconds since 1970.
        rows: of both samples.
        auc: area under the ROC curve of a classifier that tells the day's rows from the others.
        p_value: of an area that large by chance, or on days as they were so far: the larger one.
        fields: that tell most, first the one that tells most.
        proven: whether that is no chance, and large enough.
        why: in a sentence.
    """

    start_us: int
    rows: int
    auc: Estimate
    p_value: float
    fields: tuple[Telling, ...]
    proven: bool
    why: str


class Joint(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a stream.

    Args:
        stream: that is watched.
        start_us: of the first week, microseconds since 1970.
        until_us: end of the last day that was looked at; 0 before the first one.
        days: the last ones, oldest first.
    """

    stream: Stream
    start_us: int
    until_us: int = 0
    days: tuple[Day, ...] = ()

    @property
    def reference(self) -> tuple[int, int]:
        """The first week."""
        return self.start_us, self.start_us + REFERENCE_US


JOINTS = Kind("joint", Joint)


def day_due(joint: Joint, now_us: int, grace_us: int) -> int | None:
    """The start of the day that is to be looked at now: the last whole one, in UTC, if it is new.

    Args:
        joint: of the stream.
        now_us: microseconds since 1970.
        grace_us: after its end, for rows that are on the way.
    """
    start_us = (now_us - grace_us) // DAY_US * DAY_US - DAY_US
    fresh = start_us >= max(joint.until_us, joint.reference[1])
    return start_us if fresh else None


def judge_day(
    joint: Joint, start_us: int, found: Domain | None, names: Sequence[str], alarms: float
) -> Joint:
    """Add what was found of a day.

    Harm is an area of at least `AUC_MIN` that is neither the chance of a sample nor the way of
    this endpoint's days: both p-values are at most alarms / days of a month. The second one is of
    the area in the distribution that is predicted from the K days so far that were no harm, with
    mean m and deviation s: Student's, of (area - m) / (s sqrt(1 + 1 / K)), K - 1 degrees.

    Args:
        joint: of the stream.
        start_us: of the day.
        found: of it; None if there were too few rows.
        names: of the fields.
        alarms: that may be false, in a month.
    """
    until_us = start_us + DAY_US
    if found is None:
        return replace(joint, until_us=until_us)
    past = [day.auc.value for day in joint.days if not day.proven]
    learned = len(past) >= LEARN_DAYS
    p_value = max(found.p_value, _unusual(found.auc.value, past) if learned else 0.0)
    alpha = min(0.01, alarms / MONTH_DAYS)
    fields = sorted(map(Telling, names, found.drops), key=lambda one: -one.drop)[:FIELDS_SHOWN]
    telling = tuple(one for one in fields if one.drop >= DROP_MIN)
    day = Day(
        start_us=start_us, rows=found.rows, auc=found.auc, p_value=p_value, fields=telling,
        proven=learned and p_value <= alpha and found.auc.value >= AUC_MIN,
        why=_why(found.auc.value, p_value, alpha, telling, learned=learned),
    )  # fmt: skip
    return replace(joint, until_us=until_us, days=(*joint.days, day)[-KEEP_DAYS:])


def _unusual(auc: float, past: Sequence[float]) -> float:
    """Chance of an area that large, on days like those before."""
    from scipy.special import stdtr

    deviation = stdev(past) * sqrt(1.0 + 1.0 / len(past))
    if not deviation:
        return float(auc <= past[0])
    return float(stdtr(len(past) - 1, (mean(past) - auc) / deviation))


def _why(
    auc: float, p_value: float, alpha: float, fields: Sequence[Telling], *, learned: bool
) -> str:
    told = ", ".join(f"'{one.field}'" for one in fields)
    wait = "" if learned else f" Nothing is proven before {LEARN_DAYS} days were compared."
    return (
        f"A classifier tells the day's rows from the first week's with an area of {auc:.3g} (at "
        f"least {AUC_MIN:g}); p = {p_value:.2g} (at most {alpha:.2g})."
        + (f" It goes by {told}." if told else "")
        + wait
    )
