"""What came of predictions since all traffic moved at once, beside what came before that.

Nothing answers beside the new version, so it is held against as long a time before it, as that was
known at its end: labels that come late, and those that come late for a reason, are then missing on
both sides alike. A change of the times between is taken for the version's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.releases.fold import on_trial, request
from fairlead.releases.outcomes.beside import CANDIDATE, STABLE, seen_of, signatures_of, wanted_of
from fairlead.releases.outcomes.metrics import Arrived, Outcomes
from fairlead.releases.outcomes.worth import arrived, worth
from fairlead.releases.types import Release
from fairlead.routing import SLOTS

if TYPE_CHECKING:
    import polars as pl

STEP = 0


def outcomes_after(release: Release, predictions: pl.LazyFrame, feedback: pl.LazyFrame) -> Outcomes:
    """Sum up what came of the predictions of a version that answers everything.

    Args:
        release: since its version does so.
        predictions: of its endpoint's log, with `columns_of` as far as there are such.
        feedback: of its endpoint's log; of these and other predictions, in any order.
    """
    import polars as pl

    if release.before is None or not release.step_us:
        return Outcomes()
    start_us, time = release.step_us, pl.col("time").dt.epoch("us")
    alone, unmoved = (
        [revision for revision, slots in release.shares.items() if slots == share]
        for share in (SLOTS, 0)
    )  # while the candidate was a shadow, what was before it went on answering
    asked = predictions.filter(on_trial()).with_columns(request=request())
    ours = asked.filter(pl.col("revision").is_in(alone), time >= start_us)
    before = [release.before.revision, *unmoved]
    theirs = asked.filter(pl.col("revision").is_in(before), time < start_us)
    newest_us = ours.select(time.max()).collect().item() or start_us
    oldest_us = theirs.select(time.min()).collect().item() or start_us
    length_us = min(newest_us - start_us, start_us - oldest_us)
    sides = {
        STABLE: (theirs.filter(time >= start_us - length_us), start_us),
        CANDIDATE: (ours.filter(time < start_us + length_us), start_us + length_us),
    }
    metrics, signatures = {}, signatures_of(release)
    for name, metric in wanted_of(release).metrics.items():
        own: list[pl.DataFrame] = []
        came: dict[str, Arrived] = {}
        for role, (rows, until_us) in sides.items():
            mine = rows.with_columns(
                pl.coalesce("unit", "request").alias("unit"),
                role=pl.lit(role),
                revision=pl.lit(STEP, pl.Int64),
            )
            known = feedback.filter(pl.col("received").dt.epoch("us") < until_us)
            own.append(worth(metric, mine, known, signatures))
            came |= arrived(metric, mine, known)
        metrics[name] = seen_of(metric, pl.concat(own), [STEP], came)
    return Outcomes(metrics=metrics)
