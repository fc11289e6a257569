"""Whether the evidence supports the next rung, in a table."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fairlead.review.rungs import ASKED, RUNGS, rung_of
from fairlead.review.tally import LABELS_MAX, Judged, Tally, count
from fairlead.review.types import Task

LABELS = ("a", "b")


def judged(a: tuple[int, int], b: tuple[int, int]) -> Judged:
    """Rows and agreed ones of the labels a and b; what is not agreed was called the other."""
    labels = {"a": {"a": a[1], "b": a[0] - a[1]}, "b": {"b": b[1], "a": b[0] - b[1]}}
    return Judged(a[0] + b[0], a[1] + b[1], labels)


FEW, MANY = judged((20, 20), (10, 10)), judged((900, 890), (600, 590))
POOR, SKEWED = judged((900, 600), (600, 400)), judged((1480, 1478), (20, 20))
UNFAIR = judged((1900, 1895), (100, 60))


def tally(mode: str, pending: Judged = Judged(), audit: Judged = Judged()) -> Tally:  # noqa: B008
    return Tally(
        endpoint="e", version="e:1", mode=mode, rows=2000, by_model=500,
        pending=pending, audit=audit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "above", "supported", "because"),
    [
        (tally("human"), "shadow", True, "nobody is given"),
        (tally("shadow"), "assist", False, "0 rows were judged; 50"),
        (tally("shadow", FEW), "assist", False, "30 rows were judged; 50"),
        (tally("shadow", MANY), "assist", True, "Model and person agree on 98.7%"),
        (tally("shadow", POOR), "assist", False, "66.7%"),
        (tally("assist", MANY), "partial", True, "tend to follow"),
        (tally("assist", SKEWED), "partial", True, "tend to follow"),
        (tally("assist", UNFAIR), "partial", False, "Of 'b' the model agrees on 60.0% of 100"),
        (tally("partial", MANY, MANY), "full", True, "would decide these, too"),
        (tally("partial", Judged(), MANY), "full", True, "No row has waited"),
        (tally("partial", POOR, MANY), "full", False, "On rows that waited both agree on 66.7%"),
        (tally("partial", MANY, FEW), "full", False, "30 rows were judged; 500"),
        (tally("partial", MANY, SKEWED), "full", False, "Of 'b' 20 rows were judged; 30"),
        (tally("full", MANY, MANY), "", False, "no rung above"),
        (tally("elsewhere", MANY), "", False, "no rung above"),
    ],
)
def test_the_next_rung(seen: Tally, above: str, supported: bool, because: str) -> None:
    found = rung_of(seen, LABELS)
    assert (found.next, found.supported) == (above, supported)
    assert any(because in reason for reason in found.reasons), found.reasons


def test_a_label_that_never_came_is_not_proven() -> None:
    only = Judged(1000, 1000, {"a": {"a": 1000}})
    found = rung_of(tally("shadow", only), LABELS)
    assert not found.supported
    assert "Of 'b' 0 rows were judged; 5 are asked for." in found.reasons


def test_what_is_told_of_a_rung() -> None:
    found = rung_of(tally("partial", POOR, MANY), LABELS)
    assert (found.rows, found.judged, found.coverage) == (2000, 1500, 0.25)
    assert found.agreement is not None
    assert found.override is not None
    assert found.kappa is not None
    assert found.agreement.value == pytest.approx(1480 / 1500)
    assert found.override.value == pytest.approx(20 / 1500)
    assert found.override.low == pytest.approx(1 - found.agreement.high)
    assert found.agreement.low < found.agreement.value < found.agreement.high
    assert found.kappa.value == pytest.approx(0.9722, abs=1e-3)


def test_nothing_is_overridden_where_nobody_is_given_what_the_model_says() -> None:
    assert rung_of(tally("shadow", MANY), LABELS).override is None
    assert rung_of(tally("assist", MANY), LABELS).override is not None


def test_more_is_asked_for_each_rung_than_for_the_one_before() -> None:
    asked = [ASKED[rung] for rung in RUNGS if rung in ASKED]
    for less, more in pairwise(asked):
        assert less.agreement < more.agreement
        assert less.by_label < more.by_label
        assert less.rows < more.rows
        assert less.rows_by_label < more.rows_by_label


def test_decisions_add_up() -> None:
    def decided(decision: str | float, guess: dict[str, object] | None, reason: str) -> Task:
        return Task(
            id="1", endpoint="e", queue="q", version="e:1", created_us=0, inputs={},
            guess=guess, mode="partial", reason=reason, decision=decision,  # type: ignore[arg-type]
        )  # fmt: skip

    found = tally("partial")
    for task in (
        decided("a", {"label": "a"}, "pending"),
        decided("b", {"label": "a"}, "pending"),
        decided("a", {"label": "a"}, "audit"),
        decided("a", None, "pending"),
        decided(1.0, {"label": 1}, "audit"),
    ):
        found = count(found, task, "label")
    assert found.failed == 1
    assert found.pending == Judged(2, 1, {"a": {"a": 1}, "b": {"a": 1}})
    assert found.audit == Judged(2, 2, {"a": {"a": 1}, "1": {"1": 1}})
    for number in range(2 * LABELS_MAX):
        found = count(found, decided(float(number), {"label": number}, "audit"), "label")
    assert len(found.audit.labels) == LABELS_MAX
    assert found.audit.rows == 2 + 2 * LABELS_MAX
