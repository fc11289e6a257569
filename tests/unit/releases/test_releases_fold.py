"""Evidence: which rows of the log speak for and against a candidate, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from msgspec.structs import replace

from fairlead.releases import Plan, Release, known
from fairlead.releases.fold import PAST_US, Folded, fold
from fairlead.releases.types import Tally
from fairlead.routing import SLOTS
from fairlead.stats import FailureStep
from support.routes import SIGNATURE, route, version

CREATED = datetime(2026, 3, 1, tzinfo=UTC)
CREATED_US = int(CREATED.timestamp() * 1e6)
RELEASE = Release(
    id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="cli",
    created_us=CREATED_US, changed_us=CREATED_US, state="holding", plan=Plan(),
    before=route("e", 1, version(1)), shares={2: 500, 3: SLOTS},
)  # fmt: skip
OURS, THEIRS = version(2).name, version(1).name


def row(number: int, **more: Any) -> dict[str, Any]:
    """A row of the log, of a request of its own: the stable version answered it."""
    told = {
        "id": f"01890000-0000-7000-{number:04x}-000000000000",
        "time": CREATED + timedelta(seconds=number),
        "revision": 2,
        "version": THEIRS,
        "role": "stable",
        "assigned_by": "hash",
        "source": "live",
        "outcome": "ok",
        "unit": None,
        "arm": "stable",
        "queue_us": 0,
        "model_us": 100,
    }
    return told | more


def folded(*rows: dict[str, Any], before: Folded | None = None) -> Folded:
    schema = {"unit": pl.String}
    return fold(before or Folded(), RELEASE, pl.DataFrame([*rows], schema_overrides=schema))


def ours(number: int, **more: Any) -> dict[str, Any]:
    return row(number, version=OURS, role="candidate", arm="candidate", **more)


BAD = {"outcome": "model_error"}


def test_both_sides_are_counted_by_request_and_their_failures_by_unit() -> None:
    found = folded(
        row(1), row(2, **BAD, unit="a"), row(3, **BAD, unit="a"), row(4, **BAD, unit="b"),
        ours(5), ours(6, **BAD, unit="c"), ours(7, outcome="timeout"),
    ).evidence  # fmt: skip
    assert (found.control, found.candidate) == (4, 3)
    assert found.failures.steps == (FailureStep(0.05, candidate=2, control=2),)


def test_rows_of_one_request_are_one_request_and_fail_once() -> None:
    first, second = ours(1, **BAD), ours(1, **BAD)
    second["id"] = first["id"][:-2] + "01"
    found = folded(first, second).evidence
    assert (found.candidate, found.failures.steps) == (1, (FailureStep(0.05, candidate=1),))


def test_a_unit_that_failed_before_fails_no_second_time_whoever_answers_it() -> None:
    before = folded(row(1, **BAD, unit="a"))
    after = folded(ours(2, **BAD, unit="a"), ours(3, **BAD, unit="b"), before=before)
    assert after.evidence.failures.steps == (FailureStep(0.05, candidate=1, control=1),)


def test_of_a_unit_that_failed_on_both_sides_the_earlier_failure_counts() -> None:
    found = folded(row(9, **BAD, unit="a"), ours(3, **BAD, unit="a"))
    assert found.evidence.failures.steps == (FailureStep(0.05, candidate=1, control=0),)


def test_what_the_route_did_not_assign_is_no_part_of_the_trial() -> None:
    found = folded(
        ours(1, **BAD, assigned_by="override"), row(2, assigned_by="fallback"),
        ours(3, **BAD, source="batch"), ours(4, **BAD) | {"role": "shadow"},
    )  # fmt: skip
    assert found == Folded()


def test_what_a_cache_answered_is_traffic_of_the_past_and_tells_nothing_of_times() -> None:
    """Else the past, of which only what is new was computed, would seem to fail more often."""
    found = folded(
        row(1, revision=1, source="cache"), row(2, revision=1), row(3, revision=1, **BAD),
        row(4, arm="control", source="cache"), row(60, arm="control"),
    ).evidence  # fmt: skip
    assert found.past == Tally(3, 1)
    assert sum(found.latency["control"].values()) == 1


def test_before_beside_and_after_are_told_apart() -> None:
    found = folded(
        row(1, revision=1), row(2, revision=1, **BAD), row(3),
        ours(4, revision=3), ours(5, revision=3, **BAD),
        row(7, revision=9), ours(8, revision=9),
    ).evidence  # fmt: skip
    assert (found.past, found.alone) == (Tally(2, 1), Tally(2, 1))
    assert (found.control, found.candidate) == (1, 0)


def test_of_the_past_the_last_hour_counts() -> None:
    old = CREATED - timedelta(microseconds=PAST_US + 1)
    found = folded(
        row(1, revision=1, time=old), row(2, revision=1, time=old + timedelta(seconds=1))
    )
    assert found.evidence.past == Tally(1, 0)


def test_a_version_that_is_tried_against_itself_is_on_both_sides() -> None:
    found = folded(row(1, version=OURS, **BAD), row(2, version=OURS), ours(3)).evidence
    assert (found.control, found.candidate) == (2, 1)
    assert found.failures.steps == (FailureStep(0.05, candidate=0, control=1),)


def test_who_failed_before_is_no_new_failure_of_a_version_that_answers_alone() -> None:
    before = folded(row(1, revision=1, **BAD, unit="always"))
    after = folded(
        row(2, revision=3, version=OURS, **BAD, unit="always"),
        row(3, revision=3, version=OURS, **BAD, unit="new"),
        before=before,
    ).evidence
    assert (after.past, after.alone) == (Tally(1, 1), Tally(2, 1))


def test_folded_at_once_or_one_by_one_the_evidence_is_the_same() -> None:
    rows = [
        (ours if n % 3 else row)(n, unit=f"u{n % 7}", outcome="ok" if n % 4 else "model_error")
        for n in range(60)
    ]
    one_by_one = Folded()
    for each in rows:
        one_by_one = folded(each, before=one_by_one)
    assert folded(*rows) == replace(one_by_one)


def test_times_of_the_candidate_and_of_its_mirror_are_counted_one_request_in_a_while() -> None:
    slow = {"model_us": 8_000, "queue_us": 2_000}
    burst = ours(3, **slow)
    burst["time"] += timedelta(milliseconds=20)
    found = folded(
        ours(1), ours(2, **slow), ours(3, **slow), burst, ours(4, **BAD),
        row(5, arm="control", **slow), row(6), ours(7, revision=3, **slow),
    ).evidence.latency  # fmt: skip
    assert found == {"candidate": {0: 1, 35: 2}, "control": {35: 1}}
    assert 5_000 * 1.02**35 <= 10_000 < 5_000 * 1.02**36


def test_of_very_many_failing_units_a_sample_is_counted_with_what_it_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known, "MOST", 100)
    found, alone = Folded(), {"revision": 3}
    for start in range(0, 4_000, 500):
        found = folded(
            *(ours(n, **alone, unit=f"u{n}", **(BAD if n % 4 == 0 else {}))
              for n in range(start, start + 500)),
            before=found,
        )  # fmt: skip
    tally = found.evidence.alone
    assert found.failing.halvings >= 3
    assert len(found.failing.hashes) <= 100 * 8
    assert 500 < tally.requests < 2_500
    share, sigma = tally.failed / tally.requests, (0.25 * 0.75 / tally.requests) ** 0.5
    assert abs(share - 0.25) < 4 * sigma
