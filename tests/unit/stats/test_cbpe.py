"""Performance is estimated before labels come, as others estimate it, and with honest doubt."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead import stats
from fairlead.errors import ConfigError, ConflictError
from fairlead.stats.cbpe import Cbpe, estimate_cbpe, fit_cbpe
from fairlead.stats.confidence import Confidence, expect, know, merge

Values = npt.NDArray[Any]
RECORDED = json.loads(
    (Path(__file__).parents[2] / "support" / "recorded" / "nannyml_car_loan.json").read_text()
)
AGREED = 1e-4
few = settings(max_examples=25)


def counted(cells: list[list[int]]) -> tuple[Values, Values, Values]:
    """Probabilities, answers and truth of rows that were recorded as counts."""
    table = np.array(cells)
    score, answer, truth = np.repeat(table[:, :3], table[:, 3], axis=0).T
    shuffled = np.random.default_rng(0).permutation(len(score))
    chance = score[shuffled] / 100
    return np.column_stack([1 - chance, chance]), answer[shuffled], truth[shuffled]


def answered(
    rows: int, classes: int, seed: int, power: float = 2.0
) -> tuple[Values, Values, Values]:
    """Rows whose labels follow true chances; above a power of 1 the model is too sure of itself."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 1.5, (rows, classes))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (chances.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    said = chances**power / (chances**power).sum(axis=1, keepdims=True)
    return said, said.argmax(axis=1), truth


@pytest.fixture(scope="module")
def car_loan() -> Cbpe:
    return fit_cbpe(*counted(RECORDED["reference"]))


@pytest.mark.parametrize("chunk", range(10))
def test_estimates_agree_with_the_reference_implementation(car_loan: Cbpe, chunk: int) -> None:
    chances, answers, _ = counted(RECORDED["chunks"][chunk])
    found = estimate_cbpe(car_loan, expect(car_loan.scales, chances, answers))
    for metric, values in RECORDED["values"].items():
        assert found[metric].value == pytest.approx(values["estimated"][chunk], abs=AGREED)


@pytest.mark.parametrize("chunk", range(10))
def test_known_labels_give_the_realised_values(car_loan: Cbpe, chunk: int) -> None:
    known = know(car_loan.scales, *counted(RECORDED["chunks"][chunk]))
    found = estimate_cbpe(car_loan, None, known)
    for metric, values in RECORDED["values"].items():
        within = 2e-3 if metric == "average_precision" else AGREED  # whose ties it takes as mixed
        assert found[metric].value == pytest.approx(values["realized"][chunk], abs=within)
        assert found[metric].low == found[metric].value == found[metric].high


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_metrics_of_known_rows_are_those_of_the_rows(classes: int) -> None:
    chances, answers, truth = answered(3000, classes, seed=1)
    cbpe = fit_cbpe(chances, answers, truth)
    found = estimate_cbpe(cbpe, None, cbpe.reference)
    assert found["accuracy"].value == pytest.approx(stats.accuracy(truth, answers))
    balanced = stats.balanced_accuracy(truth, answers)
    assert found["balanced_accuracy"].value == pytest.approx(balanced)
    assert found["macro_f1"].value == pytest.approx(stats.macro_f1(truth, answers))
    assert found["macro_precision"].value == pytest.approx(stats.macro_precision(truth, answers))
    assert found["log_loss"].value == pytest.approx(stats.log_loss(truth, chances))
    assert found["brier"].value == pytest.approx(stats.brier(truth, chances))
    areas = [stats.roc_auc(truth == k, chances[:, k]) for k in range(classes)]
    name = "roc_auc" if classes == 2 else "macro_roc_auc"
    assert found[name].value == pytest.approx(np.mean(areas), abs=1e-3)


@pytest.mark.parametrize(("classes", "power"), [(2, 2.0), (2, 1.0), (4, 1.0)])
def test_an_interval_holds_the_realised_value_as_often_as_it_says(
    classes: int, power: float
) -> None:
    cbpe = fit_cbpe(*answered(4000, classes, seed=0, power=power))
    held: dict[str, list[bool]] = {}
    for seed in range(1, 121):
        chances, answers, truth = answered(500, classes, seed, power)
        estimated = estimate_cbpe(cbpe, expect(cbpe.scales, chances, answers))
        realised = estimate_cbpe(cbpe, None, know(cbpe.scales, chances, answers, truth))
        for name, one in estimated.items():
            held.setdefault(name, []).append(one.low <= realised[name].value <= one.high)
    # Of 120 draws at 95 % one in a thousand holds fewer than 86 %.
    assert {name: np.mean(each) for name, each in held.items() if np.mean(each) < 0.86} == {}
    assert np.mean(held["accuracy"]) < 1.0


def test_harder_rows_are_estimated_as_worse_without_any_label() -> None:
    cbpe = fit_cbpe(*answered(5000, 2, seed=0))
    random = np.random.default_rng(1)
    hard = random.uniform(0.35, 0.65, 4000)
    chances = np.column_stack([1 - hard, hard])
    answers = chances.argmax(axis=1)
    one = estimate_cbpe(cbpe, expect(cbpe.scales, chances, answers))["accuracy"]
    reference = estimate_cbpe(cbpe, None, cbpe.reference)["accuracy"].value
    assert one.high < reference - 0.1


def test_a_label_closes_the_interval_and_the_last_one_shuts_it() -> None:
    chances, answers, truth = answered(2000, 2, seed=3)
    cbpe = fit_cbpe(*answered(5000, 2, seed=0))
    widths = []
    for labelled in (0, 500, 1500, 2000):
        rest = expect(cbpe.scales, chances[labelled:], answers[labelled:])
        some = know(cbpe.scales, chances[:labelled], answers[:labelled], truth[:labelled])
        one = estimate_cbpe(cbpe, rest, some)["roc_auc"]
        widths.append(one.high - one.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0.0


def test_a_short_reference_leaves_more_doubt() -> None:
    chances, answers, _ = answered(5000, 2, seed=3)
    widths = []
    for rows in (200, 2000, 20_000):
        cbpe = fit_cbpe(*answered(rows, 2, seed=0))
        one = estimate_cbpe(cbpe, expect(cbpe.scales, chances, answers))["accuracy"]
        widths.append(one.high - one.low)
    assert widths[0] > 2 * widths[1] > 2 * widths[2]


def close(a: Confidence, b: Confidence) -> bool:
    """Equal counts, and sums within rounding."""

    def sums(one: Confidence) -> list[float]:
        losses = [x for loss in (one.log_loss, one.brier) for x in (loss.total, loss.variance)]
        return [x for table in one.tables for x in table.positives] + losses

    counts = [t.counts for t in a.tables] == [t.counts for t in b.tables]
    same = np.allclose(sums(a), sums(b), rtol=1e-12, atol=1e-9)
    return a.rows == b.rows and counts and same


@few
@given(st.integers(0, 1000), st.integers(2, 5), st.lists(st.integers(0, 60), max_size=4))
def test_summaries_of_parts_add_up_to_that_of_the_whole(
    seed: int, classes: int, cuts: list[int]
) -> None:
    cbpe = fit_cbpe(*answered(200, classes, seed=0))
    chances, answers, truth = answered(60, classes, seed)
    bounds = [0, *sorted(cuts), 60]
    parts = [slice(a, b) for a, b in pairwise(bounds)]
    for rows in (parts, parts[::-1]):
        expected = [expect(cbpe.scales, chances[at], answers[at]) for at in rows]
        known = [know(cbpe.scales, chances[at], answers[at], truth[at]) for at in rows]
        for each, whole in (
            (expected, expect(cbpe.scales, chances, answers)),
            (known, know(cbpe.scales, chances, answers, truth)),
        ):
            total = each[0]
            for one in each[1:]:
                total = merge(total, one)
            assert close(total, whole)


def test_summaries_of_other_scales_are_not_merged() -> None:
    two, three = (fit_cbpe(*answered(200, classes, seed=0)).reference for classes in (2, 3))
    with pytest.raises(ConflictError):
        merge(two, three)


@pytest.mark.parametrize("classes", [2, 3])
def test_an_estimator_and_a_summary_survive_being_written(classes: int) -> None:
    cbpe = fit_cbpe(*answered(5000, classes, seed=0))
    assert msgspec.json.decode(msgspec.json.encode(cbpe), type=Cbpe) == cbpe
    assert len(msgspec.json.encode(cbpe.reference)) < 20_000


def test_rows_without_finite_probabilities_are_not_counted() -> None:
    chances, answers, truth = answered(300, 2, seed=0)
    cbpe = fit_cbpe(chances, answers, truth)
    broken = chances.copy()
    broken[7] = math.nan
    assert expect(cbpe.scales, broken, answers).rows == 299
    assert fit_cbpe(broken, answers, truth).reference.rows == 299


def test_a_class_that_the_model_does_not_know_is_always_wrong() -> None:
    cbpe = fit_cbpe(*answered(300, 3, seed=0))
    known = know(cbpe.scales, np.full((4, 3), 1 / 3), np.zeros(4, int), np.array([0, 0, -1, -1]))
    found = estimate_cbpe(cbpe, None, known)
    assert found["accuracy"].value == 0.5
    assert found["log_loss"].value == pytest.approx((math.log(3) - math.log(2.0**-52)) / 2)
    assert found["brier"].value == pytest.approx((2 / 3 + 4 / 3) / 2)


def test_an_endpoint_that_always_answers_one_class_has_estimates() -> None:
    cbpe = fit_cbpe(*answered(300, 2, seed=0))
    sure = np.tile([0.02, 0.98], (50, 1))
    found = estimate_cbpe(cbpe, expect(cbpe.scales, sure, np.ones(50, int)))
    assert found["recall"].value == 1.0
    assert 0 <= found["accuracy"].low <= found["accuracy"].value <= found["accuracy"].high <= 1


def test_what_cannot_be_estimated_is_refused() -> None:
    chances, answers, truth = answered(300, 2, seed=0)
    with pytest.raises(ConfigError, match="calibrated"):
        fit_cbpe(chances[:50], answers[:50], truth[:50])
    with pytest.raises(ConfigError, match="calibrated"):
        fit_cbpe(chances[:, :1], answers, truth)
    cbpe = fit_cbpe(chances, answers, truth)
    with pytest.raises(ConfigError, match="shape"):
        expect(cbpe.scales, np.ones((4, 3)), np.zeros(4))
    with pytest.raises(ConfigError, match="no rows"):
        estimate_cbpe(cbpe, expect(cbpe.scales, chances[:0], answers[:0]))
