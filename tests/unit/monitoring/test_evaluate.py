"""Answers measured against truths of every type, slice and opponent."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import Evaluation, evaluate, metrics_of, verdict
from fairlead.signature import Batch, Field, Scalar, Signature
from fairlead.stats import Estimate

Values = npt.NDArray[Any]
CHANCES = {"log_loss", "brier", "calibration_error"}
BY_LABEL = {"accuracy", "balanced_accuracy", "macro_precision", "macro_f1"}
OF_TWO = {"precision", "recall", "f1"}
RANKS = {"roc_auc", "average_precision"}


def objects(values: list[Any]) -> Values:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def classifier(*classes: Scalar, chances: bool = True) -> Signature:
    fields = [Field(name="label", kind="category", categories=classes)]
    if chances:
        shape = (len(classes),)
        fields.append(
            Field(name="probabilities", kind="tensor", shape=shape, categories=classes)
        )  # fmt: skip
    return Signature(inputs=(), outputs=tuple(fields), task="classification")


def labels(values: list[Any], chances: Values | None = None) -> Batch:
    columns: dict[str, Any] = {"label": objects(values)}
    if chances is not None:
        columns["probabilities"] = chances
    return Batch(len(values), (), np.empty((len(values), 0)), columns)


def guesses(classes: list[Any], rows: int, seed: int, skill: float) -> tuple[Values, Batch]:
    """True labels and answers with probabilities that are the better, the more the skill."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(classes), rows)
    raw = random.random((rows, len(classes)))
    raw[np.arange(rows), truth] += skill
    raw /= raw.sum(axis=1, keepdims=True)
    names = objects(classes)
    return names[truth], labels(names[raw.argmax(axis=1)].tolist(), raw)


REGRESSOR = Signature(
    inputs=(), outputs=(Field(name="prediction", kind="number"),), task="regression"
)


def predictions(values: Any) -> Batch:
    numbers = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    return Batch(len(numbers), ("prediction",), numbers, {})


def test_a_classifier_is_measured_as_the_oracle_does() -> None:
    truth, outputs = guesses(["a", "b", "c"], 60, 1, 0.4)
    found = metrics_of(outputs, classifier("a", "b", "c"), truth)
    answers, chances = outputs.column("label").tolist(), outputs.column("probabilities")
    true = truth.tolist()
    assert found.keys() == BY_LABEL | CHANCES
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(true, answers))
    balanced = oracle.balanced_accuracy_score(true, answers)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(true, answers, average="macro"))
    assert found["log_loss"] == pytest.approx(oracle.log_loss(true, chances))
    assert found["brier"] == pytest.approx(oracle.brier_score_loss(true, chances))
    precision = oracle.precision_score(true, answers, average="macro")
    assert found["macro_precision"] == pytest.approx(precision)


def test_two_classes_have_an_area_of_the_second() -> None:
    truth, outputs = guesses(["no", "yes"], 60, 1, 0.4)
    found = metrics_of(outputs, classifier("no", "yes"), truth)
    expected = oracle.roc_auc_score(truth == "yes", outputs.column("probabilities")[:, 1])
    assert found["roc_auc"] == pytest.approx(expected)
    expected = oracle.f1_score(truth == "yes", outputs.column("label") == "yes")
    assert found["f1"] == pytest.approx(expected)
    expected = oracle.average_precision_score(truth == "yes", outputs.column("probabilities")[:, 1])
    assert found["average_precision"] == pytest.approx(expected)


def test_confidence_in_three_classes_is_held_against_hits() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]])
    outputs = labels(["a", "b"], chances)
    found = metrics_of(outputs, classifier("a", "b", "c"), objects(["a", "c"]))
    assert found["calibration_error"] == pytest.approx(abs(2 * 0.7 - 1) / 2)


def test_a_regressor_is_measured_as_the_oracle_does() -> None:
    truth = np.arange(1.0, 31.0)
    answers = truth + np.random.default_rng(1).standard_normal(30)
    found = metrics_of(predictions(answers), REGRESSOR, truth)
    expected = {
        "rmse": oracle.root_mean_squared_error(truth, answers),
        "mae": oracle.mean_absolute_error(truth, answers),
        "mape": oracle.mean_absolute_percentage_error(truth, answers),
        "r2": oracle.r2_score(truth, answers),
    }
    assert found == pytest.approx(expected)


SAME = [
    ([0, 1], ["0", "1"]), ([0, 1], [0.0, 1.0]), ([0, 1], [False, True]), ([0, 1], ["0.0", "1.0"]),
    (["0", "1"], [0, 1]), (["0", "1"], [0.0, 1.0]), (["0.0", "1.0"], ["0", "1"]),
    ([False, True], ["False", "True"]), ([False, True], ["false", "TRUE"]), ([False, True], [0, 1]),
    (["False", "True"], [False, True]), ([0.5, 1.5], ["0.5", "1.50"]), ([1, 2], [" 1", "2 "]),
    ([2**60, 2**60 + 1], [str(2**60), str(2**60 + 1)]), (["a", "b"], [b"a", b"b"]),
    (["é", "a\x00b"], ["é", "a\x00b"]),
]  # fmt: skip


@pytest.mark.parametrize(("classes", "written"), SAME, ids=repr)
@pytest.mark.parametrize("form", [objects, np.array, pd.Series])
def test_labels_are_compared_on_a_type_that_loses_nothing(
    classes: list[Any], written: list[Any], form: Any
) -> None:
    outputs = labels([classes[i] for i in (0, 1, 1, 0, 1)])
    truth = form([written[i] for i in (0, 1, 0, 0, 1)])
    assert metrics_of(outputs, classifier(*classes, chances=False), truth)["accuracy"] == 0.8


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        ([0, 1], ["no", "yes"]), (["no", "yes"], [0, 1]), (["yes", "no"], ["Yes", "No"]),
        ([0, 1], ["0", "one"]), (["1", "01"], [1, 1]), ([0, 1], [2, 3]), ([0, 1], ["nan", "inf"]),
        ([0, 1], ["", ""]), (["no", "yes"], [True, False]), ([10, 11], ["1_0", "1_1"]),
    ],
    ids=repr,
)  # fmt: skip
def test_labels_that_cannot_be_compared_are_refused(classes: list[Any], written: list[Any]) -> None:
    outputs = labels([classes[i] for i in (0, 1, 1, 0, 1)])
    truth = objects([written[i] for i in (0, 1, 0, 0, 1)])
    with pytest.raises(ConfigError, match="look like") as caught:
        metrics_of(outputs, classifier(*classes, chances=False), truth)
    assert repr(classes[0]) in caught.value.message
    assert repr(written[0]) in caught.value.message


@pytest.mark.parametrize("value", [[1], {"a": 1}, np.datetime64("2026-01-01"), 1j, object()])
def test_labels_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="labels of type"):
        metrics_of(labels([0, 1]), classifier(0, 1, chances=False), objects([value, value]))


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.float32("nan")])
def test_rows_without_a_label_are_counted(missing: Any) -> None:
    truth = objects([0, missing, 1, missing, 1])
    for signature, outputs in (
        (classifier(0, 1, chances=False), labels([0] * 5)),
        (REGRESSOR, predictions(np.ones(5))),
    ):
        with pytest.raises(ConfigError, match="2 of 5 rows have no label"):
            evaluate(outputs, signature, truth, seed=1)


def test_masked_labels_are_missing() -> None:
    truth = np.ma.array([0, 1, 1, 0, 1], mask=np.arange(5) == 2)
    with pytest.raises(ConfigError, match="1 of 5 rows"):
        metrics_of(labels([0] * 5), classifier(0, 1, chances=False), truth)


def test_labels_that_the_model_does_not_know_are_wrong_and_noted() -> None:
    truth, outputs = guesses(["a", "b"], 40, 1, 3.0)
    truth[:10] = "new"
    one = evaluate(outputs, classifier("a", "b"), truth, seed=1)
    assert one.metrics["accuracy"].value == 0.75
    assert one.metrics["balanced_accuracy"].value == pytest.approx(2 / 3)
    assert one.metrics["log_loss"].value > 9
    assert "roc_auc" not in one.metrics
    assert one.notes == (
        "10 rows have labels that the model does not know and that count as wrong: 'new'.",
    )


@pytest.mark.parametrize("shape", [(4,), (6,), (5, 2), ()])
def test_a_truth_of_other_rows_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="shape"):
        evaluate(predictions(np.ones(5)), REGRESSOR, np.ones(shape), seed=1)


@pytest.mark.parametrize("truth", [["x"] * 5, [np.inf] * 5, ["nan"] * 5, [10**400] * 5])
def test_a_truth_that_is_no_number_is_refused(truth: list[Any]) -> None:
    with pytest.raises(ConfigError, match="finite numbers"):
        metrics_of(predictions(np.ones(5)), REGRESSOR, objects(truth))


def test_numbers_in_text_are_measured() -> None:
    assert metrics_of(predictions([1, 2, 3]), REGRESSOR, objects(["1", "2.0", "4"]))["mae"] == (
        pytest.approx(1 / 3)
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_answers_beyond_measure_are_noted_and_never_written(bad: float) -> None:
    outputs, others = predictions([1, 2, bad, 4, 5]), predictions([0] * 5)
    one = evaluate(outputs, REGRESSOR, np.arange(5), against=others, seed=1)
    assert "rmse" not in one.metrics
    assert "rmse" not in one.differences
    assert "rmse is undefined on these rows." in one.notes
    assert msgspec.json.decode(msgspec.json.encode(one), type=Evaluation) == one


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_probabilities_that_are_none_are_noted(bad: float) -> None:
    truth, outputs = guesses(["a", "b"], 20, 1, 1.0)
    np.asarray(outputs.column("probabilities"))[3, 1] = bad
    one = evaluate(outputs, classifier("a", "b"), truth, seed=1)
    assert one.metrics.keys() == BY_LABEL | OF_TWO
    assert "Probabilities" in one.notes[0]


def test_a_model_of_another_task_has_no_metrics() -> None:
    signature = Signature(inputs=(), outputs=(Field(name="y", kind="number"),), task="other")
    outputs = Batch(5, ("y",), np.ones((5, 1)), {})
    assert metrics_of(outputs, signature, np.ones(5)) == {}
    with pytest.raises(ConfigError, match="other"):
        evaluate(outputs, signature, np.ones(5), seed=1)


def test_several_numbers_a_row_have_no_metrics() -> None:
    field = Field(name="prediction", kind="tensor", shape=(2,))
    signature = Signature(inputs=(), outputs=(field,), task="regression")
    outputs = Batch(5, (), np.empty((5, 0)), {"prediction": np.ones((5, 2))})
    assert metrics_of(outputs, signature, np.ones((5, 2))) == {}


def test_a_boolean_label_lies_among_the_numbers() -> None:
    field = Field(name="label", kind="boolean")
    signature = Signature(inputs=(), outputs=(field,), task="classification")
    outputs = Batch(4, ("label",), np.array([[1.0], [0.0], [1.0], [0.0]]), {})
    for truth in ([True, False, True, True], ["true", "false", "true", "true"], [1, 0, 1, 1]):
        assert metrics_of(outputs, signature, objects(truth))["accuracy"] == 0.75


def test_fewer_than_five_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="4 rows"):
        evaluate(predictions(np.ones(4)), REGRESSOR, np.ones(4), seed=1)


def test_a_better_version_is_seen_by_every_metric() -> None:
    truth, good = guesses(["no", "yes"], 300, 1, 1.5)
    _, poor = guesses(["no", "yes"], 300, 1, 0.1)
    signature = classifier("no", "yes")
    one = evaluate(good, signature, truth, against=poor, seed=1)
    other = evaluate(poor, signature, truth, against=good, seed=1)
    assert one.verdicts.keys() == BY_LABEL | CHANCES | OF_TWO | RANKS
    by_skill = one.verdicts.keys() - {"calibration_error"}
    assert {one.verdicts[name] for name in by_skill} == {"better"}
    assert {other.verdicts[name] for name in by_skill} == {"worse"}
    for name, apart in one.differences.items():
        assert apart.value == pytest.approx(one.metrics[name].value - other.metrics[name].value)


def test_a_version_against_itself_shows_no_difference() -> None:
    truth, outputs = guesses(["no", "yes"], 100, 1, 0.5)
    one = evaluate(outputs, classifier("no", "yes"), truth, against=outputs, seed=1)
    assert set(one.verdicts.values()) == {"no difference seen"}
    assert {apart.value for apart in one.differences.values()} == {0.0}


def test_a_version_with_classes_in_another_order_is_read_by_its_own() -> None:
    truth, ours = guesses(["a", "b"], 100, 1, 0.5)
    turned = np.asarray(ours.column("probabilities"))[:, ::-1]
    theirs = labels(ours.column("label").tolist(), turned)
    one = evaluate(ours, classifier("a", "b"), truth, against=theirs,
                   against_signature=classifier("b", "a"), seed=1)  # fmt: skip
    assert {apart.value for apart in one.differences.values()} == {0.0}
    assert len(one.differences) == 12


def test_a_class_that_only_the_other_version_knows_counts_for_it() -> None:
    truth = objects(["a", "b", "c", "c", "c"] * 8)
    ours = labels(["a", "b", "a", "a", "a"] * 8)
    theirs = labels(truth.tolist())
    one = evaluate(ours, classifier("a", "b", chances=False), truth, against=theirs,
                   against_signature=classifier("a", "b", "c", chances=False), seed=1)  # fmt: skip
    assert one.differences["accuracy"].value == pytest.approx(-0.6)
    assert one.verdicts["accuracy"] == "worse"


def test_versions_of_other_tasks_or_rows_are_refused() -> None:
    truth, outputs = guesses(["a", "b"], 20, 1, 0.5)
    with pytest.raises(ConfigError, match="numbers of rows"):
        evaluate(outputs, classifier("a", "b"), truth, against=outputs.take(slice(0, 5)), seed=1)
    with pytest.raises(ConfigError, match="cannot be measured"):
        evaluate(outputs, classifier("a", "b"), truth, against=predictions(np.ones(20)),
                 against_signature=REGRESSOR, seed=1)  # fmt: skip


def test_slices_add_up_and_are_measured_as_their_rows_alone() -> None:
    truth, outputs = guesses(["a", "b"], 100, 1, 0.5)
    plan = objects((["pro"] * 60) + ["free"] * 36 + [None] * 4)
    one = evaluate(outputs, classifier("a", "b"), truth, slices={"plan": plan}, seed=1)
    assert [(part.value, part.rows) for part in one.slices] == [
        ("pro", 60), ("free", 36), ("(missing)", 4),
    ]  # fmt: skip
    free = evaluate(outputs.take(slice(60, 96)), classifier("a", "b"), truth[60:96], seed=1)
    assert one.slices[1].metrics == free.metrics
    assert one.slices[2].metrics == {}


def test_of_many_slices_the_largest_are_shown() -> None:
    truth, outputs = guesses(["a", "b"], 400, 1, 0.5)
    place = np.concatenate([np.arange(80), np.repeat([7, 3], 160)])
    one = evaluate(outputs, classifier("a", "b"), truth, slices={"place": place}, seed=1)
    assert len(one.slices) == 50
    assert [part.value for part in one.slices[:3]] == ["3", "7", "0"]
    assert "place has 80 values; the 50 largest are shown." in one.notes


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array([1.0, np.nan] * 5), {"1", "(missing)"}),
        (np.array(["2026-01-01", "NaT"] * 5, dtype="datetime64[D]"), {"2026-01-01", "(missing)"}),
        (np.array([True, False] * 5), {"True", "False"}),
        (objects(["a\x00", "a"] * 5), {"a\x00", "a"}),
    ],
)
def test_slices_are_named_by_their_values(values: Values, names: set[str]) -> None:
    one = evaluate(
        predictions(np.ones(10)), REGRESSOR, np.arange(10), slices={"by": values}, seed=1
    )
    assert {part.value for part in one.slices} == names


def test_a_slice_of_other_rows_is_refused() -> None:
    with pytest.raises(ConfigError, match="Slice by has shape"):
        evaluate(predictions(np.ones(9)), REGRESSOR, np.ones(9), slices={"by": np.ones(8)}, seed=1)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_count(seed: int) -> None:
    truth, outputs = guesses(["a", "b", "c"], 30, seed, 0.4)
    order = np.random.default_rng(seed).permutation(30)
    signature = classifier("a", "b", "c")
    one, other = (
        evaluate(batch, signature, labels, seed=1)
        for batch, labels in ((outputs, truth), (outputs.take(order), truth[order]))
    )
    assert one.metrics["accuracy"] == other.metrics["accuracy"]
    for name, estimate in one.metrics.items():
        assert other.metrics[name].value == pytest.approx(estimate.value)


def test_an_evaluation_survives_json() -> None:
    truth, outputs = guesses(["a", "b"], 30, 1, 0.5)
    one = evaluate(outputs, classifier("a", "b"), truth, against=outputs,
                   slices={"by": truth}, seed=1)  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(one), type=Evaluation) == one


@pytest.mark.parametrize("metric", ["accuracy", "r2", "roc_auc", "log_loss", "rmse"])
def test_a_verdict_follows_the_direction_of_the_metric(metric: str) -> None:
    less = metric in {"log_loss", "rmse"}
    assert verdict(metric, Estimate(0.2, 0.1, 0.3)) == ("worse" if less else "better")
    assert verdict(metric, Estimate(-0.2, -0.3, -0.1)) == ("better" if less else "worse")
    assert verdict(metric, Estimate(0.2, 0.0, 0.3)) == "no difference seen"
