"""What came of the predictions of a release: sums over the units of both arms.

A unit counts with what it did in the step of the plan in which it was first seen, in the arm that
it was in then. As the candidate's share grows, those who come often are seen in both arms and
those who come once are not: left out or counted on, they would leave behind arms of different
people. Within a step the arms differ by chance alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from fairlead.monitoring.answer import answer_of
from fairlead.releases.fold import on_trial, request
from fairlead.releases.outcomes.metrics import (
    Arrived,
    Beside,
    Metric,
    Outcomes,
    Seen,
    known_steps,
    merge,
)
from fairlead.releases.outcomes.worth import UNIT, arrived, worth
from fairlead.releases.types import Release
from fairlead.routing import SLOTS
from fairlead.signature import Signature
from fairlead.stats import Moments, Split, count_split, moments

if TYPE_CHECKING:
    import polars as pl

STABLE, CANDIDATE = "stable", "candidate"
ROWS_AT_ONCE = 250_000
"""As many rows, and the feedback on them, are held in memory."""


class Wanted(msgspec.Struct, frozen=True):
    """What is measured of a release.

    Args:
        metrics: by the name they are written with.
        before_us: for so long a time before it units are measured too, by name of the metric.
    """

    metrics: dict[str, Metric]
    before_us: dict[str, int]


def wanted_of(release: Release) -> Wanted:
    """What the plan of a release goes by, beside failures and latency."""
    plan = release.plan
    metrics = {guard.name: guard.metric for guard in plan.guards if guard.metric is not None}
    if plan.goal is None:
        return Wanted(metrics, {})
    before = {plan.goal.name: plan.goal.before_us} if plan.goal.before_us else {}
    return Wanted(metrics | {plan.goal.name: plan.goal.metric}, before)


def since_us(release: Release) -> int:
    """From when on the log is needed: of the release itself, and of what is known before it."""
    before_us = max([0, *wanted_of(release).before_us.values()])
    return release.created_us - max(before_us, 0 if is_shared(release) else release.plan.bake_us)


def is_shared(release: Release) -> bool:
    """Whether both versions answer at the same time in a release."""
    return any(step.kind == "share" and step.slots < SLOTS for step in release.plan.steps)


def columns_of(release: Release) -> list[str]:
    """Those of the log of predictions that are needed."""
    named = (answer_of(signature) for signature in signatures_of(release).values())
    answers = dict.fromkeys(f"out.{field.name}" for field in named if field is not None)
    facts = ["id", "time", "revision", "role", "unit", "assigned_by", "source"]
    return [*facts, *answers]


def signatures_of(release: Release) -> dict[str, Signature]:
    """Of the versions, by role."""
    before = release.before
    return {
        STABLE: release.signature if before is None else before.signature,
        CANDIDATE: release.signature,
    }


def outcomes(
    release: Release, predictions: pl.LazyFrame, feedback: pl.LazyFrame, parts: int = 1
) -> Outcomes:
    """Sum up what came of a release's predictions while both versions answered.

    Args:
        release: with the share of the candidate at each revision of the route.
        predictions: of its endpoint's log, with `columns_of` as far as there are such.
        feedback: of its endpoint's log; of these and other predictions, in any order.
        parts: of the units, that are summed up one after the other, to hold so much less at once.
    """
    import polars as pl

    shared = {revision: slots for revision, slots in release.shares.items() if 0 < slots < SLOTS}
    tried = (
        predictions.filter(on_trial(), pl.col("revision").is_in(list(shared)))
        .with_columns(unit=unit())
        .drop("assigned_by", "source")
    )
    past = _past(release, predictions)
    found = Outcomes()
    for part in range(parts):
        rows, known = (
            table.filter(in_part(part, parts)).collect(engine="streaming")
            for table in (tried, past)
        )
        found = merge(found, _outcomes(release, shared, rows, known, feedback))
    return known_steps(found)


def _outcomes(
    release: Release,
    shared: Mapping[int, int],
    asked: pl.DataFrame,
    past: pl.DataFrame,
    feedback: pl.LazyFrame,
) -> Outcomes:
    """Of some of the units, all that they asked for."""
    import polars as pl

    firsts = (
        asked.lazy()
        .sort("revision", "time")
        .group_by("unit")
        .agg(
            pl.col("revision").first(),
            pl.col("role").first(),
            (pl.col("role").n_unique() > 1).alias("moved"),
        )
    ).collect()
    units = firsts.select(UNIT)
    rows = asked.join(units, on=UNIT).lazy()
    came = told_of(pl.concat([asked["id"], past["id"]]), feedback)
    wanted, signatures = wanted_of(release), signatures_of(release)
    metrics = {}
    for name, metric in wanted.metrics.items():
        own = worth(metric, rows, came, signatures)
        if name in wanted.before_us:
            since = release.created_us - wanted.before_us[name]
            known = past.lazy().filter(pl.col("time").dt.epoch("us") >= since)
            before = came.filter(pl.col("received").dt.epoch("us") < release.created_us)
            own = _with_past(own, worth(metric, known, before, signatures))
        metrics[name] = seen_of(metric, own, shared, arrived(metric, rows, came))
    return Outcomes(_split(units, shared), int(firsts["moved"].sum()), metrics)


def unit() -> pl.Expr:
    """Who asked; a request without a unit is one of its own."""
    import polars as pl

    return pl.coalesce("unit", request())


def parts_of(rows: int) -> int:
    """In how many parts of the units so many rows are summed up.

    Example:
        >>> parts_of(0), parts_of(1_000_000)
        (1, 4)
    """
    return max(1, ceil(rows / ROWS_AT_ONCE))


def in_part(part: int, parts: int) -> pl.Expr:
    """Whether a unit is one of a part of all units, by chance."""
    import polars as pl

    return pl.col("unit").hash() % parts == part


def told_of(ids: pl.Series, feedback: pl.LazyFrame) -> pl.LazyFrame:
    """The feedback on some predictions."""
    import polars as pl

    mine = feedback.filter(pl.col("prediction_id").is_in(ids.implode()))
    return mine.collect(engine="streaming").lazy()


def _past(release: Release, predictions: pl.LazyFrame) -> pl.LazyFrame:
    """What the stable version answered to units before the release, as far as that is needed."""
    import polars as pl

    longest_us = max([0, *wanted_of(release).before_us.values()])
    low_us, high_us = release.created_us - longest_us, release.created_us
    earlier = pl.col("time").dt.epoch("us").is_between(low_us, high_us, closed="left")
    mine = (pl.col("role") == STABLE) & pl.col("unit").is_not_null()
    return predictions.filter(on_trial(), earlier, mine).with_columns(revision=pl.lit(0, pl.Int64))


def _with_past(own: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Beside each unit what it was worth before; 0 where nothing is known of it."""
    import polars as pl

    known = past.select("unit", known_above="above", known_below="below")
    joined = own.join(known, on="unit", how="left")
    return joined.with_columns(pl.col("known_above", "known_below").fill_null(0.0))


def seen_of(
    metric: Metric, own: pl.DataFrame, shared: Iterable[int], came: Mapping[str, Arrived]
) -> Seen:
    """Sums over the units of both arms.

    Args:
        metric: of which.
        own: as `worth` gives them.
        shared: revisions of the route that are the steps.
        came: by role.
    """
    import polars as pl

    steps = []
    for revision in shared:
        mine = own.filter(pl.col("revision") == revision)
        control, candidate = (
            moments_of(metric, mine.filter(pl.col("role") == role)) for role in (STABLE, CANDIDATE)
        )
        steps.append(Beside(control, candidate))
    none = Arrived()
    return Seen(tuple(steps), came.get(STABLE, none), came.get(CANDIDATE, none))


def moments_of(metric: Metric, units: pl.DataFrame) -> Moments:
    """Sums over units of what is above, below, missed, and known from before: see `Metric`."""
    columns = [units["above"], units["below"]][: len(metric.place)]
    if metric.other is not None:
        columns.append((units["below"] if not metric.per_unit else 1.0) - units["above"])
    known = [units[name] for name in ("known_above", "known_below") if name in units.columns]
    columns += known[: len(metric.place)]
    return moments(*(column.to_numpy() for column in columns))


def _split(units: pl.DataFrame, shared: Mapping[int, int]) -> Split:
    """New units by arm, at each share."""
    split = Split()
    counted = {(rev, role): many for rev, role, many in units.group_by(UNIT[1:]).len().iter_rows()}
    for revision, slots in shared.items():
        both = [counted.get((revision, role), 0) for role in (STABLE, CANDIDATE)]
        split = count_split(split, (SLOTS - slots, slots), both)
    return split
