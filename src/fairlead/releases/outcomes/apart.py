"""What came of predictions since all traffic moved at once, beside what came before that.

Nothing answers beside the new version, so it is held against as long a time before it, as that was
known at its end: labels that come late, and those that come late for a reason, are then missing on
both sides alike. A change of the times between is taken for the version's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fairlead.releases.fold import on_trial
from fairlead.releases.outcomes.beside import (
    CANDIDATE,
    STABLE,
    in_part,
    seen_of,
    signatures_of,
    told_of,
    unit,
    wanted_of,
)
from fairlead.releases.outcomes.metrics import Arrived, Outcomes, known_steps, merge
from fairlead.releases.outcomes.worth import arrived, worth
from fairlead.releases.types import Release
from fairlead.routing import SLOTS, Route

if TYPE_CHECKING:
    import polars as pl

STEP = 0


def outcomes_after(
    release: Release, predictions: pl.LazyFrame, feedback: pl.LazyFrame, parts: int = 1
) -> Outcomes:
    """Sum up what came of the predictions of a version that answers everything.

    Args:
        release: since its version does so.
        predictions: of its endpoint's log, with `columns_of` as far as there are such.
        feedback: of its endpoint's log; of these and other predictions, in any order.
        parts: of the units, that are summed up one after the other, to hold so much less at once.
    """
    if release.before is None or not release.step_us:
        return Outcomes()
    sides, found = _sides(release, release.before, predictions), Outcomes()
    for part in range(parts):
        some = {
            role: (rows.filter(in_part(part, parts)).collect(engine="streaming"), until_us)
            for role, (rows, until_us) in sides.items()
        }
        found = merge(found, _outcomes(release, some, feedback))
    return known_steps(found)


def _sides(
    release: Release, before: Route, predictions: pl.LazyFrame
) -> dict[str, tuple[pl.LazyFrame, int]]:
    """What was answered in as long a time, and until when what came for it was known, by role."""
    import polars as pl

    start_us, time = release.step_us, pl.col("time").dt.epoch("us")
    alone, unmoved = (
        [revision for revision, slots in release.shares.items() if slots == share]
        for share in (SLOTS, 0)
    )  # while the candidate was a shadow, what was before it went on answering
    asked = predictions.filter(on_trial()).with_columns(unit=unit())
    ours = asked.filter(pl.col("revision").is_in(alone), time >= start_us)
    theirs = asked.filter(pl.col("revision").is_in([before.revision, *unmoved]), time < start_us)
    newest_us = ours.select(time.max()).collect(engine="streaming").item() or start_us
    oldest_us = theirs.select(time.min()).collect(engine="streaming").item() or start_us
    length_us = min(newest_us - start_us, start_us - oldest_us)
    return {
        STABLE: (theirs.filter(time >= start_us - length_us), start_us),
        CANDIDATE: (ours.filter(time < start_us + length_us), start_us + length_us),
    }


def _outcomes(
    release: Release, sides: Mapping[str, tuple[pl.DataFrame, int]], feedback: pl.LazyFrame
) -> Outcomes:
    """Of some of the units, all that they asked for."""
    import polars as pl

    all_came = told_of(pl.concat([rows["id"] for rows, _ in sides.values()]), feedback)
    metrics, signatures = {}, signatures_of(release)
    for name, metric in wanted_of(release).metrics.items():
        own: list[pl.DataFrame] = []
        came: dict[str, Arrived] = {}
        for role, (rows, until_us) in sides.items():
            mine = rows.lazy().with_columns(role=pl.lit(role), revision=pl.lit(STEP, pl.Int64))
            known = all_came.filter(pl.col("received").dt.epoch("us") < until_us)
            own.append(worth(metric, mine, known, signatures))
            came |= arrived(metric, mine, known)
        metrics[name] = seen_of(metric, pl.concat(own), [STEP], came)
    return Outcomes(metrics=metrics)
