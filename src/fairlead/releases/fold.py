"""From rows of the prediction log to the evidence of a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fairlead.records import Kind
from fairlead.releases.known import Known, add, admitted, first, hashed
from fairlead.releases.latency import APART_US, bucket_of
from fairlead.releases.latency import add as add_counts
from fairlead.releases.types import Evidence, Release, Tally
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.routing import SLOTS
from fairlead.stats import count_failures

if TYPE_CHECKING:
    import polars as pl

PAST_US = 3_600_000_000
REQUEST_CHARACTERS = 23
"""Of a prediction id: what the rows of one request share."""


class Folded(msgspec.Struct, frozen=True):
    """Evidence, and what is needed to go on with it.

    Args:
        evidence: so far.
        failing: units that have failed: of each the first failure counts.
        read: the sealed files that are in it.
        decisions: predictions that a person has decided: of each the first word counts.
    """

    evidence: Evidence = Evidence()
    failing: Known = Known()
    read: frozenset[str] = frozenset()
    decisions: Known = Known()


EVIDENCE = Kind("evidence", Folded)


def request() -> pl.Expr:
    """What the rows of one request share."""
    import polars as pl

    return pl.col("id").str.slice(0, REQUEST_CHARACTERS)


def on_trial() -> pl.Expr:
    """Live rows that the route assigned to one of both sides.

    Whoever names a version, and what is answered for another arm, is no part of a trial. What a
    cache answers is: there is none while versions are compared, but of the past it is a part.
    """
    import polars as pl

    from fairlead.monitoring.gather import BY_MODEL

    return BY_MODEL & pl.col("role").is_in(["stable", "candidate"])


def fold(before: Folded, release: Release, rows: pl.DataFrame) -> Folded:
    """Add rows of the endpoint's log to the evidence of a release.

    A request without a unit is a unit of its own. Who failed in the hour before counts no more:
    those who always fail would else be so many failures of the first minutes.

    Args:
        before: the evidence so far.
        release: with the share of the candidate at each revision of the route.
        rows: as they are sealed.
    """
    import polars as pl

    asked = _asked(before.failing, release, rows)
    failing = asked.filter("failed")
    keys = hashed(failing["unit"])
    firsts = failing.filter(pl.Series(first(before.failing, keys))).group_by("revision", "role")
    failed = {(revision, role): units for revision, role, units in firsts.len().iter_rows()}
    evidence = before.evidence
    for revision, role, requests in (
        asked.group_by("revision", "role").agg(pl.col("request").n_unique()).iter_rows()
    ):
        tally = Tally(requests, failed.get((revision, role), 0))
        evidence = _add(evidence, release, revision, role == "candidate", tally)
    latency = _latencies(rows, release)
    joined = {
        arm: add_counts(evidence.latency.get(arm, {}), latency.get(arm, {}))
        for arm in {*evidence.latency, *latency}
    }
    newest_us = asked.select(pl.col("time").dt.epoch("us").max()).item() or 0
    until_us = max(evidence.until_us, newest_us)
    evidence = replace(evidence, latency=joined, until_us=until_us)
    return replace(before, evidence=evidence, failing=add(before.failing, keys))


def _asked(failing: Known, release: Release, rows: pl.DataFrame) -> pl.DataFrame:
    """Requests, and whether they failed, of the units that are counted."""
    import polars as pl

    recent = pl.col("time").dt.epoch("us") >= release.created_us - PAST_US
    asked = (
        rows.filter(on_trial(), recent)
        .with_columns(request=request())
        .with_columns(unit=pl.coalesce("unit", "request"))
        .group_by("revision", "role", "request", "unit")
        .agg(pl.col("time").min(), failed=(pl.col("outcome") != "ok").any())
        .sort("time", "request", "unit")
    )
    if not failing.halvings:
        return asked
    return asked.filter(pl.Series(admitted(failing, hashed(asked["unit"]))))


def _latencies(rows: pl.DataFrame, release: Release) -> dict[str, dict[int, int]]:
    """How long the candidate and the mirror control took, one request in a while of each."""
    import polars as pl

    shared = [revision for revision, slots in release.shares.items() if slots < SLOTS]
    counted = (
        rows.filter(
            on_trial(),
            pl.col("outcome") == "ok",
            pl.col("source") == "live",
            pl.col("arm").is_in([CANDIDATE, CONTROL]),
            pl.col("revision").is_in(shared),
        )
        .sort("time", "id")
        .group_by("arm", pl.col("time").dt.epoch("us") // APART_US)
        .agg(bucket=bucket_of(pl.col("queue_us").first() + pl.col("model_us").first()))
        .group_by("arm", pl.col("bucket").cast(pl.Int64))
        .len()
    )
    found: dict[str, dict[int, int]] = {}
    for arm, bucket, count in counted.iter_rows():
        found.setdefault(arm, {})[bucket] = count
    return found


def _add(evidence: Evidence, release: Release, revision: int, ours: bool, more: Tally) -> Evidence:
    """Add what one side answered at one revision of the route."""
    slots = release.shares.get(revision, 0)
    if slots == SLOTS:
        return replace(evidence, alone=_sum(evidence.alone, more))
    if slots == 0:
        before = release.before is not None and revision == release.before.revision
        return replace(evidence, past=_sum(evidence.past, more)) if before else evidence
    ours_failed, theirs_failed = (more.failed, 0) if ours else (0, more.failed)
    return replace(
        evidence,
        candidate=evidence.candidate + (more.requests if ours else 0),
        control=evidence.control + (0 if ours else more.requests),
        failures=count_failures(
            evidence.failures, slots / SLOTS, candidate=ours_failed, control=theirs_failed
        ),
    )


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(one.requests + other.requests, one.failed + other.failed)
