"""Students of small trees, and students of linear models and of support vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import helper
from skl2onnx import to_onnx
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from test_distil import (
    FIELDS,
    LABEL,
    SHARES,
    answers,
    decides,
    interface,
    own,
    people,
    reckons,
    run,
    score,
    student_of,
    taught,
)

from fairlead.bundle import Step
from fairlead.compress.distil import fit, grow, lesson, predictor
from fairlead.compress.distil.goal import Goal
from fairlead.compress.distil.method import Distil
from fairlead.compress.distil.student import teach
from fairlead.compress.distil.types import TreesRecipe
from fairlead.compress.observe import observe
from fairlead.compress.trees.types import Trees
from fairlead.compress.trees.walk import leaves_of, sums_of
from fairlead.compress.types import Refused
from fairlead.signature import Batch, Field, Signature

STEP = Step(method="distil", settings={"trees": 12, "leaves": 8})
NETWORK = Step(method="distil", settings={"hidden": 16})


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Students here learn little things."""
    monkeypatch.setattr(fit, "TURNS", 600)
    monkeypatch.setattr(lesson, "MADE", 3000)
    monkeypatch.setattr(predictor, "ASKED", 3000)


def rows(classes: int = 3, apart: float = 2) -> tuple[Any, Any]:
    X, y = make_classification(
        1200, 6, n_informative=4, n_classes=classes, class_sep=apart, random_state=0
    )
    return X.astype(np.float32), np.array(["a", "b", "c"])[y]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("boosted", [False, True])
def test_small_trees_name_the_classes_of_their_teacher(classes: int, boosted: bool) -> None:
    X, y = rows(classes)
    model = (
        HistGradientBoostingClassifier(max_iter=60)
        if boosted
        else RandomForestClassifier(60, random_state=0)
    ).fit(X[:800], y[:800])
    graph = own(model, classes=classes)
    before = graph.SerializeToString()
    feeds = {"numbers": X[:800].astype(float)}
    small = taught(graph, feeds, STEP)
    assert graph.SerializeToString() == before
    assert interface(small) == interface(graph)
    assert small.ByteSize() < graph.ByteSize() / 4
    assert {node.op_type for node in small.graph.node}.isdisjoint({"Gemm", "MatMul"})
    held = {"numbers": X[800:].astype(float)}
    (label, shares), (new, new_shares) = answers(graph, held), answers(small, held)
    assert np.mean(label == new) > 0.93
    assert np.abs(new_shares - shares).mean() < 0.06
    np.testing.assert_allclose(new_shares.sum(axis=1), 1, atol=1e-5)
    assert taught(graph, feeds, STEP).SerializeToString() == small.SerializeToString()


def test_small_trees_answer_near_the_numbers_of_their_teacher() -> None:
    X, y = make_regression(1200, 6, noise=1, random_state=0)
    graph = own(RandomForestRegressor(60, random_state=0).fit(X[:800], 1000 + y[:800]))
    small = taught(graph, {"numbers": X[:800]}, Step(method="distil", settings={"trees": 40}))
    assert interface(small) == interface(graph)
    was, now = (answers(m, {"numbers": X[800:]})[0] for m in (graph, small))
    assert np.corrcoef(was[:, 0], now[:, 0])[0, 1] > 0.9
    assert abs(now.mean() - was.mean()) < 0.1 * was.std()


def test_missing_and_far_numbers_are_answered_as_the_teacher_sends_them() -> None:
    X, _ = rows(2)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    gone = np.isnan(X[:, 0])
    graph = own(HistGradientBoostingClassifier(max_iter=40).fit(X, gone), classes=2)
    small = taught(graph, {"numbers": X.astype(float)}, STEP)
    label, new = (answers(m, {"numbers": X.astype(float)})[0] for m in (graph, small))
    assert np.mean(label == new) > 0.99
    odd = np.array([[np.nan] * 6, [1e30] * 6, [-1e30] * 6, [np.inf] * 6])
    assert np.isfinite(answers(small, {"numbers": odd})[1]).all()


@settings(max_examples=8, deadline=None)
@given(
    x=arrays(
        np.float32, (40, 2),
        elements=st.sampled_from([np.nan, np.inf, -np.inf, 3e38]) | st.floats(0, 1, width=32),
    ),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_trees_compare_single_precision_as_scikit_learn_compares_doubles(x: Any, seed: int) -> None:
    wanted = np.random.default_rng(seed).normal(size=(40, 1))
    recipe = TreesRecipe(trees=3, leaves=6)
    plain = Goal("values", wanted, False, np.ones(1), np.zeros(1))
    student = teach(x, plain, recipe, seed=0)
    assert isinstance(student.core, Trees)
    most = np.finfo(np.float32).max
    near = np.where(np.isnan(x).all(axis=0), 0, np.clip(x, -most, most))
    original = HistGradientBoostingRegressor(
        learning_rate=grow.RATE, max_iter=3, max_leaf_nodes=6, min_samples_leaf=grow.ROWS_MIN,
        early_stopping=False,
    ).fit(near, wanted[:, 0])  # fmt: skip
    nodes, constants, tensor = student.nodes("x", "student")
    model = helper.make_model(
        helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", 1, [None, 2])],
            [helper.make_tensor_value_info(tensor, 1, [None, None])],
            [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)],
        ir_version=10,
    )  # fmt: skip
    got = observe(model, [tensor], {"x": x})[tensor][:, 0]
    np.testing.assert_allclose(got, original.predict(near), atol=1e-5)
    walked = sums_of(student.core.value, leaves_of(student.core, x))
    np.testing.assert_allclose(walked[:, 0], got, atol=1e-5)


@pytest.mark.parametrize("outputs", [(LABEL, SHARES), (LABEL,)])
def test_small_trees_of_a_classifier_that_is_no_graph(outputs: tuple[Field, ...]) -> None:
    signature = Signature(inputs=FIELDS, outputs=outputs, task="classification")
    student = student_of(signature, decides)
    batch = people(300, seed=1)
    got = run(student, signature, batch)
    assert np.mean(got.column("label") == decides(batch).column("label")) > 0.9
    again = student_of(signature, decides)
    assert again.model.SerializeToString() == student.model.SerializeToString()
    strange = Batch(1, ("age", "staff"), np.array([[40.0, 1]]), {"plan": np.array(["x"], object)})
    assert run(student, signature, strange).rows == 1


def test_small_trees_of_a_regressor_that_is_no_graph() -> None:
    field = Field(name="prediction", kind="number")
    signature = Signature(inputs=FIELDS, outputs=(field,), task="regression")
    student = student_of(signature, reckons)
    batch = people(300, seed=1)
    got = run(student, signature, batch).column("prediction")
    assert np.corrcoef(got.astype(float), score(batch))[0, 1] > 0.98


def foreign(model: Any, X: Any, zipmap: bool = False) -> onnx.ModelProto:
    options = {"zipmap": zipmap} if hasattr(model, "classes_") else None
    written: onnx.ModelProto = to_onnx(model, X[:1], options=options)
    return written


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("model", "classes", "zipmap", "step"),
    [
        (SVC(), 2, False, STEP),
        (SVC(), 3, True, NETWORK),
        (SVC(probability=True), 2, True, STEP),
        (SVC(probability=True), 2, False, NETWORK),
        (make_pipeline(StandardScaler(), SVC()), 2, True, NETWORK),
        (make_pipeline(StandardScaler(), SVC()), 3, False, STEP),
    ],
    ids=str,
)
def test_a_student_stands_in_for_support_vectors(
    model: Any, classes: int, zipmap: bool, step: Step
) -> None:
    X, y = rows(classes, apart=0.8)
    graph = foreign(model.fit(X, y), X, zipmap)
    small = taught(graph, {"X": X}, step)
    assert interface(small) == interface(graph)
    assert "SVMClassifier" not in {node.op_type for node in small.graph.node}
    assert small.ByteSize() < graph.ByteSize() / (4 if step is NETWORK else 1.5)
    (label, scores), (new, new_scores) = (answers(each, {"X": X}) for each in (graph, small))
    assert np.mean(label == new) > 0.85
    if zipmap:
        assert {tuple(each) for each in new_scores} == {tuple(each) for each in scores}
    else:
        assert np.corrcoef(scores.ravel(), new_scores.ravel())[0, 1] > 0.85


@pytest.mark.parametrize("step", [STEP, NETWORK], ids=["trees", "network"])
def test_a_student_stands_in_for_support_vectors_of_numbers(step: Step) -> None:
    X, y = make_regression(600, 6, random_state=0)
    X = X.astype(np.float32)
    graph = foreign(SVR(C=100).fit(X, y), X)
    small = taught(graph, {"X": X}, step)
    assert interface(small) == interface(graph)
    was, now = (answers(each, {"X": X})[0][:, 0] for each in (graph, small))
    assert np.corrcoef(was, now)[0, 1] > 0.9


@pytest.mark.parametrize("zipmap", [False, True])
def test_a_student_stands_in_for_a_wide_linear_model(zipmap: bool) -> None:
    X, y = make_classification(900, 90, n_informative=20, n_classes=10, random_state=0)
    X = X.astype(np.float32)
    graph = foreign(LogisticRegression(max_iter=30, tol=1).fit(X, y), X, zipmap)
    small = taught(graph, {"X": X}, Step(method="distil", settings={"trees": 2, "leaves": 4}))
    assert interface(small) == interface(graph)
    label, shares = answers(small, {"X": X})
    table = np.array([list(each.values()) for each in shares]) if zipmap else shares
    assert label.tolist() == table.argmax(axis=1).tolist()
    assert np.mean(label == answers(graph, {"X": X})[0]) > 0.25


@pytest.mark.parametrize(
    ("model", "step"), [(LogisticRegression(), STEP), (LinearRegression(), NETWORK)], ids=str
)
def test_no_student_is_smaller_than_a_small_linear_model(model: Any, step: Step) -> None:
    X, y = rows()
    target = X[:, 0] if isinstance(model, LinearRegression) else y
    refused = Distil().apply(foreign(model.fit(X, target), X), step, {"X": X}, seed=0)
    assert isinstance(refused, Refused)
    assert "smaller" in refused.reason


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_class_that_is_named_by_votes_against_the_probabilities_is_refused() -> None:
    X, y = rows(3, apart=0.8)
    graph = foreign(SVC(probability=True).fit(X, y), X)
    refused = Distil().apply(graph, STEP, {"X": X}, seed=0)
    assert isinstance(refused, Refused)
    assert refused.method == "distil"
    assert "(SVMClassifier)" in refused.reason
    assert "greatest of its scores" in refused.reason


def test_a_graph_whose_version_cannot_be_raised_is_refused() -> None:
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Pad", ["x"], ["b"], paddings=[0, 0, 0, 0]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [value("x", 1, [None, 2])], [value("y", 1, [None, 2])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 1)], ir_version=4)
    refused = Distil().apply(model, STEP, {"x": np.ones((4, 2), np.float32)}, seed=0)
    assert isinstance(refused, Refused)
    assert "version 1 of" in refused.reason


def test_a_student_may_be_taught_by_a_student() -> None:
    X, y = rows(2)
    graph = own(RandomForestClassifier(60, random_state=0).fit(X, y), classes=2)
    feeds = {"numbers": X.astype(float)}
    first = taught(graph, feeds, Step(method="distil", settings={"trees": 40, "leaves": 8}))
    second = taught(first, feeds, STEP)
    third = taught(
        taught(graph, feeds, NETWORK), feeds, Step(method="distil", settings={"hidden": 4})
    )
    label = answers(graph, feeds)[0]
    assert np.mean(answers(second, feeds)[0] == label) > 0.9
    assert np.mean(answers(third, feeds)[0] == label) > 0.8
