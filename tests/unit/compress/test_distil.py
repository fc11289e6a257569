"""Students: in a graph, and of any predictor."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import helper
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from fairlead.bundle import Step
from fairlead.compress.distil import fit, lesson, predictor
from fairlead.compress.distil.cut import bottlenecks
from fairlead.compress.distil.front import front_nodes, make_front
from fairlead.compress.distil.goal import make_goal
from fairlead.compress.distil.method import Distil
from fairlead.compress.distil.predictor import Answer, Asked, Distilled, ask, distil_predictor
from fairlead.compress.graph import Draft
from fairlead.compress.made import with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ConfigError
from fairlead.packaging.export.graph import Graph
from fairlead.packaging.export.steps import predictor as convert
from fairlead.packaging.export.table import Column, made
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import Batch, Field, Signature

STEP = Step(method="distil", settings={"hidden": 16, "pieces": 1})


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Students here learn little things."""
    monkeypatch.setattr(fit, "TURNS", 600)
    monkeypatch.setattr(lesson, "MADE", 3000)
    monkeypatch.setattr(predictor, "ASKED", 3000)


def own(model: Any, texts: bool = False, width: int = 6, classes: int = 0) -> onnx.ModelProto:
    graph = Graph()
    graph.input("numbers", "float64", [None, width])
    graph.widths["numbers"] = width
    table = made(graph, "numbers", width)
    if texts:
        graph.input("plan", "object", [None, 1])
        table += (Column("plan", 0, "plan", True),)
    answer = convert(model, table, graph)
    if not classes:
        graph.output(answer.values, "prediction", "float64", [None, 1])
    else:
        names = np.array([f"class {place}" for place in range(classes)], dtype=object)
        label = graph.add("Gather", names, answer.index, axis=0)
        graph.output(label, "label", "object", [None])
        graph.output(answer.probabilities, "probabilities", "float64", [None, classes])
    return onnx.load_model_from_string(graph.model())


def answers(model: onnx.ModelProto, feeds: Feeds) -> list[Any]:
    return list(observe(model, [output.name for output in model.graph.output], feeds).values())


def interface(model: onnx.ModelProto) -> list[Any]:
    return [(v.name, str(v.type)) for v in (*model.graph.input, *model.graph.output)]


def taught(model: onnx.ModelProto, feeds: Feeds, step: Step = STEP) -> onnx.ModelProto:
    small = Distil().apply(model, step, feeds, seed=0)
    assert isinstance(small, onnx.ModelProto), small
    onnx.checker.check_model(small)
    return small


@pytest.mark.parametrize("boosted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_student_names_the_classes_of_its_teacher(classes: int, boosted: bool) -> None:
    X, y = make_classification(
        1200, 6, n_informative=4, n_classes=classes, class_sep=2, random_state=0
    )
    model = (
        HistGradientBoostingClassifier(max_iter=40)
        if boosted
        else RandomForestClassifier(50, random_state=0)
    ).fit(X[:800], y[:800])
    graph = own(model, classes=classes)
    before = graph.SerializeToString()
    small = taught(graph, {"numbers": X[:800]})
    assert graph.SerializeToString() == before
    assert interface(small) == interface(graph)
    assert small.ByteSize() < graph.ByteSize() / 4
    (label, shares), (new, new_shares) = (answers(m, {"numbers": X[800:]}) for m in (graph, small))
    assert np.mean(label == new) > 0.93
    assert np.abs(new_shares - shares).mean() < 0.06
    assert taught(graph, {"numbers": X[:800]}).SerializeToString() == small.SerializeToString()


def test_a_student_of_numbers_answers_near_them() -> None:
    X, y = make_regression(1200, 6, noise=1, random_state=0)
    graph = own(RandomForestRegressor(60, random_state=0).fit(X[:800], y[:800]))
    small = taught(graph, {"numbers": X[:800]})
    assert interface(small) == interface(graph)
    was, now = (answers(m, {"numbers": X[800:]})[0] for m in (graph, small))
    assert np.corrcoef(was[:, 0], now[:, 0])[0, 1] > 0.95


def test_what_turns_text_into_numbers_stays() -> None:
    draw = np.random.default_rng(0)
    numbers, plan = draw.normal(size=(900, 6)), draw.choice(["free", "pro", "team"], 900)
    y = (numbers[:, 0] + 2 * (plan == "pro") > 1).astype(int)
    frame = np.concatenate([numbers.astype(object), plan[:, None]], axis=1)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [6]), remainder="passthrough"
    )
    model = make_pipeline(encode, RandomForestClassifier(50, random_state=0)).fit(frame, y)
    graph = own(model, texts=True, classes=2)
    feeds: Feeds = {"numbers": numbers, "plan": plan.astype(object)[:, None]}
    small = taught(graph, feeds)
    assert interface(small) == interface(graph)
    assert small.ByteSize() < graph.ByteSize() / 5
    assert np.mean(answers(small, feeds)[0] == answers(graph, feeds)[0]) > 0.95
    unseen = {"numbers": numbers[:2], "plan": np.array([["free"], ["gold"]], dtype=object)}
    assert all(len(answer) == 2 for answer in answers(small, unseen))


def test_missing_and_far_numbers_are_answered() -> None:
    X, y = make_classification(900, 6, n_informative=4, random_state=0)
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    graph = own(HistGradientBoostingClassifier(max_iter=40).fit(X, y), classes=2)
    small = taught(graph, {"numbers": X})
    odd = np.array([[np.nan] * 6, [1e30] * 6, [-1e30] * 6, [np.inf] * 6])
    assert np.isfinite(answers(small, {"numbers": odd})[1]).all()
    assert np.mean(answers(small, {"numbers": X})[0] == answers(graph, {"numbers": X})[0]) > 0.75


def line(*nodes: Any, taken: int = 1) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", taken, [None, 2])
    y = helper.make_tensor_value_info("y", 1, [None, 2])
    graph = helper.make_graph(nodes, "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_a_bottleneck_is_what_all_ways_lead_through() -> None:
    node = helper.make_node
    graph = line(
        node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Exp", ["a"], ["c"]),
        node("Add", ["b", "c"], ["d"]), node("Abs", ["d"], ["y"]),
    )  # fmt: skip
    assert bottlenecks(Draft(graph)) == ("x", "a", "d", "y")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (line(helper.make_node("Cast", ["x"], ["y"], to=1), taken=8), "No one tensor"),
        (line(helper.make_node("Log", ["x"], ["y"])), "finite"),
        (line(helper.make_node("Relu", ["x"], ["y"])), "smaller"),
    ],
)
def test_a_graph_that_leaves_a_student_no_place_is_refused(
    model: onnx.ModelProto, reason: str
) -> None:
    text = model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.STRING
    x: Any = (
        np.array([["1", "2"], ["3", "4"]], object)
        if text
        else np.array([[1, -2], [3, 4]], np.float32)
    )
    refused = Distil().apply(model, STEP, {"x": x}, seed=0)
    assert isinstance(refused, Refused)
    assert refused.method == "distil"
    assert reason in refused.reason


@pytest.mark.parametrize(
    "given",
    [
        {"hidden": 0}, {"pieces": 0.5}, {"units": 3}, {"hidden": "8"}, {"trees": 0}, {"leaves": 1},
        {"trees": 8, "hidden": 8},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_an_error(given: dict[str, Any]) -> None:
    model = line(helper.make_node("Relu", ["x"], ["y"]))
    with pytest.raises(ConfigError):
        Distil().apply(model, Step(method="distil", settings=given), {"x": np.eye(2)}, seed=0)


FIELDS = (
    Field(name="age", kind="number"),
    Field(name="staff", kind="boolean"),
    Field(name="plan", kind="category", dtype="object", categories=("free", "pro"), nullable=True),
)
LABEL = Field(name="label", kind="category", dtype="object", categories=("no", "yes"))
SHARES = Field(name="probabilities", kind="tensor", shape=(2,), categories=("no", "yes"))


def people(count: int, seed: int = 0) -> Batch:
    draw = np.random.default_rng(seed)
    numbers = np.stack([draw.uniform(18, 80, count), draw.integers(2, size=count)], axis=1)
    plan = draw.choice(np.array(["free", "pro", None], dtype=object), count)
    return Batch(count, ("age", "staff"), numbers, {"plan": plan})


def score(batch: Batch) -> Any:
    plan = np.array([{"free": 0.0, "pro": 2.0, None: 1.0}[p] for p in batch.columns["plan"]])
    return batch.numbers[:, 0] / 20 - 3 + plan + batch.numbers[:, 1]


def decides(batch: Batch) -> Batch:
    """What no graph says: a classifier in Python."""
    shares = 1 / (1 + np.exp(-2 * score(batch)))
    label = np.where(shares > 0.5, "yes", "no").astype(object)
    both = np.stack([1 - shares, shares], axis=1)
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), {"label": label, "probabilities": both})


def reckons(batch: Batch) -> Batch:
    return Batch(batch.rows, ("prediction",), score(batch)[:, None], {})


def run(made: Distilled, signature: Signature, batch: Batch) -> Batch:
    return OnnxRunner(made.model.SerializeToString(), made.runner, signature.outputs).predict(batch)


def student_of(signature: Signature, answer: Answer) -> Distilled:
    asked = ask(signature, people(400), answer, seed=0)
    assert isinstance(asked, Asked)
    return distil_predictor(asked, STEP, seed=0)


@pytest.mark.parametrize("outputs", [(LABEL, SHARES), (LABEL,)])
def test_a_student_of_a_classifier_that_is_no_graph(outputs: tuple[Field, ...]) -> None:
    signature = Signature(inputs=FIELDS, outputs=outputs, task="classification")
    student = student_of(signature, decides)
    batch = people(300, seed=1)
    got, wanted = run(student, signature, batch), decides(batch)
    assert set(got.columns) == {field.name for field in outputs}
    assert np.mean(got.column("label") == wanted.column("label")) > 0.95
    if SHARES in outputs:
        off: Any = [batch.column("probabilities").astype(float) for batch in (got, wanted)]
        assert np.abs(off[0] - off[1]).mean() < 0.05
    again = student_of(signature, decides)
    assert again.model.SerializeToString() == student.model.SerializeToString()
    strange = Batch(1, ("age", "staff"), np.array([[40.0, 1]]), {"plan": np.array(["x"], object)})
    assert run(student, signature, strange).rows == 1


def test_a_student_of_a_regressor_that_is_no_graph() -> None:
    signature = Signature(
        inputs=FIELDS, outputs=(Field(name="prediction", kind="number"),), task="regression"
    )
    student = student_of(signature, reckons)
    batch = people(300, seed=1)
    got = run(student, signature, batch).column("prediction")
    assert np.corrcoef(got.astype(float), score(batch))[0, 1] > 0.99


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ((Field(name="face", kind="image"),), (LABEL,), "'face' of kind image"),
        ((Field(name="note", kind="text"),), (LABEL,), "'note' of kind text"),
        (FIELDS, (Field(name="words", kind="text"),), "'words'"),
        (FIELDS, (Field(name="label", kind="category"),), "not listed"),
    ],
)
def test_what_a_student_cannot_do_is_refused(
    inputs: tuple[Field, ...], outputs: tuple[Field, ...], words: str
) -> None:
    signature = Signature(inputs=inputs, outputs=outputs)
    refused = ask(signature, people(10), decides, seed=0)
    assert isinstance(refused, Refused)
    assert words in refused.reason


def test_a_label_that_is_not_the_most_probable_class_is_refused() -> None:
    def careful(batch: Batch) -> Batch:
        said = decides(batch)
        shares: Any = said.columns["probabilities"]
        label = np.where(shares[:, 1] > 0.9, "yes", "no").astype(object)
        return Batch(said.rows, (), said.numbers, {**said.columns, "label": label})

    signature = Signature(inputs=FIELDS, outputs=(LABEL, SHARES))
    refused = ask(signature, people(100), careful, seed=0)
    assert isinstance(refused, Refused)
    assert "most probable" in refused.reason


@settings(max_examples=30, deadline=None)
@given(
    x=arrays(np.float32, (12, 3), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan)),
    pieces=st.integers(1, 5),
)
def test_a_student_looks_at_rows_in_a_graph_as_it_did_when_taught(x: Any, pieces: int) -> None:
    front = make_front(x, pieces)
    nodes, constants, tensor = front_nodes(front, "x", "front")
    model = helper.make_model(
        helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", 1, [None, 3])],
            [helper.make_tensor_value_info(tensor, 1, [None, None])],
            [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 21)], ir_version=10,
    )  # fmt: skip
    np.testing.assert_allclose(observe(model, [tensor], {"x": x})[tensor], front(x), atol=1e-5)
    assert ((front(x) >= 0) & (front(x) <= 1)).all()


def test_made_rows_are_of_the_same_kind_and_within_the_range() -> None:
    draw = np.random.default_rng(0)
    numbers = np.stack(
        [draw.normal(size=200), draw.integers(2, size=200), draw.integers(9, size=200)], axis=1
    )
    numbers[:50, 0] = np.nan
    plan = draw.choice(np.array(["a", "b", None], dtype=object), (200, 1))
    feeds: Feeds = {"numbers": numbers, "plan": plan}
    more = with_made_rows(feeds, 1000, seed=1)
    new = more["numbers"][200:]
    assert more["numbers"][:200].tobytes() == numbers.tobytes()
    assert more["plan"].shape == (1200, 1)
    assert set(more["plan"][200:, 0].tolist()) == {"a", "b", None}
    assert 0 < np.isnan(new[:, 0]).mean() < 0.5
    assert set(new[:, 1]) == {0.0, 1.0}
    assert set(new[:, 2]) == set(range(9))
    assert np.nanmin(new[:, 0]) >= np.nanmin(numbers[:, 0])
    assert np.nanmax(new[:, 0]) <= np.nanmax(numbers[:, 0])
    same = with_made_rows(feeds, 1000, seed=1)
    assert all(same[name].tolist().__repr__() == more[name].tolist().__repr__() for name in more)


def test_fewer_rows_are_made_of_wide_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.compress.made.NUMBERS_MAX", 600)
    feeds: Feeds = {"image": np.ones((5, 3, 10, 10), np.float32)}
    assert len(with_made_rows(feeds, 1000, seed=1)["image"]) == 5 + 2


def test_fewer_rows_are_made_where_a_student_would_take_many_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = make_classification(200, 6, random_state=0)
    model = own(RandomForestClassifier(5, random_state=0).fit(X, y), classes=2)
    feeds: Feeds = {"numbers": X}
    assert len(lesson.make_lesson(model, feeds, seed=0).x) == 200 + 3000
    monkeypatch.setattr(lesson, "NUMBERS_MAX", 6 * 70)
    assert len(lesson.make_lesson(model, feeds, seed=0).x) == 200 + 70


def test_the_goal_is_what_the_graph_makes_probabilities_of() -> None:
    odds = np.random.default_rng(0).normal(size=(50, 1))
    share = 1 / (1 + np.exp(-odds))
    both = np.concatenate([1 - share, share], axis=1)
    assert (make_goal(odds, [both]).form, make_goal(odds, [both]).inside) == ("sigmoid", True)
    assert make_goal(odds, [odds]).form == "values"
    assert (make_goal(both, []).form, make_goal(both, []).inside) == ("softmax", False)
    assert (make_goal(share, []).form, make_goal(share, []).inside) == ("sigmoid", False)
