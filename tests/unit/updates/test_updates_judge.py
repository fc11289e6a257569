"""What the gate says of evidence, as tables."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.bundle import Proof
from fairlead.stats import Estimate
from fairlead.updates.judge import (
    Seen,
    judge,
    judge_calibration,
    judge_gain,
    judge_slice,
    rows_needed,
)
from fairlead.updates.refuse import (
    refuse_constant,
    refuse_cost,
    refuse_placebo,
    refuse_proof,
    refuse_repeated,
    refuse_telling,
)
from fairlead.updates.tell import Telling
from fairlead.updates.types import Finding, Gate, Verdict

PROMOTE: Verdict = "promote"
REJECT: Verdict = "reject"
OPEN: Verdict = "not enough data"


def seen(low: float, value: float, high: float, **changed: Any) -> Seen:
    facts: dict[str, Any] = {
        "metric": "roc_auc", "rows": 500, "champion": 0.8, "challenger": 0.8 + value,
        "difference": Estimate(value, low, high), "differing": 500,
    }  # fmt: skip
    return Seen(**facts | changed)


@pytest.mark.parametrize(
    ("low", "value", "high", "margin", "metric", "verdict"),
    [
        (0.01, 0.02, 0.03, 0.0, "roc_auc", PROMOTE),
        (0.0, 0.02, 0.03, 0.0, "roc_auc", OPEN),
        (0.01, 0.02, 0.03, 0.01, "roc_auc", OPEN),
        (0.01, 0.02, 0.03, 0.03, "roc_auc", REJECT),
        (-0.03, -0.02, -0.01, 0.0, "roc_auc", REJECT),
        (-0.03, -0.02, -0.01, -0.05, "roc_auc", PROMOTE),
        (-0.06, -0.02, -0.01, -0.05, "roc_auc", OPEN),
        (-0.03, -0.02, -0.01, 0.0, "mae", PROMOTE),
        (0.01, 0.02, 0.03, 0.0, "log_loss", REJECT),
        (-0.03, -0.02, 0.01, 0.0, "rmse", OPEN),
        (0.0, 0.0, 0.0, 0.0, "roc_auc", REJECT),
    ],
)
def test_better_is_what_is_proven_above_the_margin(
    low: float, value: float, high: float, margin: float, metric: str, verdict: Verdict
) -> None:
    found = judge_gain(Gate(margin=margin), seen(low, value, high, metric=metric))
    assert found.verdict == verdict
    assert f"{0.8 + value:.4g}" in found.reason
    assert "0.8" in found.reason


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({"rows": 49}, OPEN, "49 rows; 50 are asked for"),
        ({"challenger": None, "difference": None}, REJECT, "no number"),
        ({"champion": None, "difference": None}, OPEN, "of the champion's answers is undefined"),
        ({"champion": None, "challenger": None, "difference": None}, OPEN, "both versions'"),
        ({"differing": 0}, REJECT, "the champion's on all 500 rows"),
        ({"differing": 9}, OPEN, "differ on 9 of 500 rows only"),
        ({"differing": 9, "exact": True}, PROMOTE, "gain"),
        ({"difference": None}, OPEN, "too few to tell"),
    ],
)
def test_where_an_interval_decides_nothing(
    changed: dict[str, Any], verdict: Verdict, said: str
) -> None:
    found = judge_gain(Gate(), seen(0.01, 0.02, 0.03, **changed))
    assert found.verdict == verdict
    assert said in found.reason


@pytest.mark.parametrize("margin", [0.0, -0.05, 0.05])
def test_identical_versions_are_never_promoted(margin: float) -> None:
    same = seen(0.0, 0.0, 0.0, differing=0)
    assert judge_gain(Gate(margin=margin), same).verdict == REJECT


@pytest.mark.parametrize(
    ("high", "rows", "metric", "verdict"),
    [
        (-0.021, 500, "roc_auc", REJECT),
        (-0.019, 500, "roc_auc", PROMOTE),
        (-0.021, 29, "roc_auc", OPEN),
    ],
)
def test_a_part_refuses_where_it_is_proven_worse(
    high: float, rows: int, metric: str, verdict: Verdict
) -> None:
    found = judge_slice(Gate(), seen(-0.2, -0.1, high, rows=rows, metric=metric), "plan=pro")
    assert (found.verdict, found.name) == (verdict, "roc_auc of plan=pro")
    assert f"plan=pro ({rows} rows)" in found.reason


def test_a_part_of_errors_is_worse_where_there_are_more() -> None:
    assert judge_slice(Gate(), seen(0.03, 0.1, 0.2, metric="mae"), "a=b").verdict == REJECT


def test_calibration_may_rise_by_its_margin() -> None:
    risen = seen(0.06, 0.1, 0.2, metric="calibration_error")
    found = [each.verdict for m in (0.05, 0.07) for each in judge_calibration(risen, m)]
    assert found == [REJECT, PROMOTE]
    unseen = seen(0.06, 0.1, 0.2, metric="calibration_error", difference=None)
    assert judge_calibration(unseen, 0.05) == []


@pytest.mark.parametrize(
    ("champion", "challenger", "ratio", "verdict"),
    [(10, 20, 2.0, PROMOTE), (10, 20.1, 2.0, REJECT), (0, 20, 2.0, OPEN), (10, 0, 2.0, OPEN)],
)
def test_cost_has_a_budget(
    champion: float, challenger: float, ratio: float, verdict: Verdict
) -> None:
    found = refuse_cost("size", "bytes", champion, challenger, ratio)
    assert found is not None
    assert found.verdict == verdict
    assert refuse_cost("size", "bytes", champion, challenger, 0.0) is None


def test_a_broken_proof_and_a_constant_are_refused() -> None:
    proofs = [refuse_proof(Proof(rows=64, differing=n)) for n in (0, 1)]
    assert [each.verdict for each in proofs if each] == [PROMOTE, REJECT]
    assert refuse_proof(None) is None
    found = [refuse_constant(*counts, 90).verdict for counts in ((1, 2), (2, 2), (1, 1))]
    assert found == [REJECT, PROMOTE, PROMOTE]


@pytest.mark.parametrize(
    ("repeated", "usual", "verdict", "said"),
    [
        (0, 0, PROMOTE, "No row"),
        (10, 8, PROMOTE, "repeat by themselves"),
        (15, 0, PROMOTE, "left out"),
        (30, 0, REJECT, "no fair comparison"),
        (95, 93, PROMOTE, "repeat by themselves"),
    ],
)
def test_rows_of_the_holdout_that_were_trained_on(
    repeated: int, usual: int, verdict: Verdict, said: str
) -> None:
    found = refuse_repeated(repeated, 100, usual, 100)
    assert found.verdict == verdict
    assert said in found.reason


def test_what_knows_too_much_is_refused_by_its_name() -> None:
    field = refuse_telling([Telling("closed_at", 1.0, 0.5)])[0]
    assert field.verdict == REJECT
    assert "closed_at" in field.reason
    rows = ((0.9, 0.85, 0.95), (0.9, 0.45, 0.99), (0.6, 0.55, 0.65))
    found = [refuse_placebo("roc_auc", Estimate(*each), 0.5, 0.74) for each in rows]
    assert [each.verdict for each in found] == [REJECT, PROMOTE, PROMOTE]


gains = st.floats(-1, 1)
verdicts = st.sampled_from([PROMOTE, REJECT, OPEN])
findings = st.builds(Finding, name=st.just("x"), verdict=verdicts, reason=st.just("Why."))


@given(findings, st.lists(findings, max_size=5), findings)
def test_another_finding_never_makes_more_of_it(
    gain: Finding, guards: list[Finding], one: Finding
) -> None:
    before, after = judge(gain, guards), judge(gain, [*guards, one])
    assert after.verdict == before.verdict or after.verdict == REJECT
    assert (after.verdict == PROMOTE) <= (gain.verdict == PROMOTE)
    assert (after.verdict == REJECT) == (REJECT in {each.verdict for each in (gain, *guards, one)})


@given(gains, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["roc_auc", "mae"]))
def test_who_is_promoted_over_another_is_rejected_by_it(
    value: float, below: float, above: float, metric: str
) -> None:
    there = seen(value - below, value, value + above, metric=metric)
    back = seen(-value - above, -value, -value + below, metric=metric)
    found, swapped = (judge_gain(Gate(), each).verdict for each in (there, back))
    assert found != PROMOTE or swapped == REJECT
    assert not found == swapped == PROMOTE


@given(st.floats(-0.5, 0.5), st.floats(0.001, 0.5), st.floats(-0.2, 0.2))
def test_so_many_more_rows_would_decide(value: float, half: float, margin: float) -> None:
    gate = Gate(margin=margin)
    now = seen(value - half, value, value + half)
    needed = rows_needed(gate, now)
    if judge_gain(gate, now).verdict != OPEN or needed is None:
        return
    narrower = half * ((500 / (500 + ceil(needed * 1.01) + 1)) ** 0.5)
    then = seen(value - narrower, value, value + narrower)
    assert judge_gain(gate, then).verdict != OPEN
