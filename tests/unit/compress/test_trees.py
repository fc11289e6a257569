"""Trees in graphs: read, written anew, rounded and thinned."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)

from fairlead.bundle import Step
from fairlead.compress.graph import Draft
from fairlead.compress.observe import observe
from fairlead.compress.trees.merge import merge
from fairlead.compress.trees.read import as_at_most, find_sites
from fairlead.compress.trees.round import Round
from fairlead.compress.trees.thin import Thin
from fairlead.compress.trees.types import Trees
from fairlead.compress.trees.walk import leaves_of, sums_of
from fairlead.compress.trees.write import write_sites
from fairlead.compress.types import Feeds, Method, Refused
from fairlead.errors import ConfigError, ExportError
from fairlead.packaging.export.graph import Graph
from fairlead.packaging.export.steps import predictor
from fairlead.packaging.export.table import made

METHODS: list[Method] = [Round(), Thin()]


def rows(classes: int = 3, count: int = 300, seed: int = 0) -> tuple[Any, Any]:
    X, y = make_classification(
        count, 6, n_informative=4, n_redundant=1, n_classes=classes, random_state=seed
    )
    return X, y


def own(model: Any, width: int, classes: Any = None) -> onnx.ModelProto:
    """A model as packaging writes it."""
    graph = Graph()
    graph.input("numbers", "float64", [None, width])
    graph.widths["numbers"] = width
    answer = predictor(model, made(graph, "numbers", width), graph)
    if classes is None:
        graph.output(answer.values, "prediction", "float64", [None, 1])
    else:
        label = graph.add("Gather", np.asarray(classes), answer.index, axis=0)
        graph.output(label, "label", np.asarray(classes).dtype.name, [None])
        graph.output(answer.probabilities, "probabilities", "float64", [None, len(classes)])
    return onnx.load_model_from_string(graph.model())


def foreign(model: Any, X: Any) -> onnx.ModelProto:
    """A model as skl2onnx writes it."""
    options = {"zipmap": False} if hasattr(model, "classes_") else None
    written: onnx.ModelProto = to_onnx(model, X[:1].astype(np.float32), options=options)
    return written


def feeds_of(model: onnx.ModelProto, X: Any) -> Feeds:
    (taken,) = model.graph.input
    dtype = helper.tensor_dtype_to_np_dtype(taken.type.tensor_type.elem_type)
    return {taken.name: X.astype(dtype)}


def answers(model: onnx.ModelProto, feeds: Feeds) -> list[Any]:
    return list(observe(model, [output.name for output in model.graph.output], feeds).values())


def again(model: onnx.ModelProto) -> onnx.ModelProto:
    draft = Draft(model)
    write_sites(draft, find_sites(draft))
    return draft.finish()


def interface(model: onnx.ModelProto) -> list[Any]:
    return [(v.name, str(v.type)) for v in (*model.graph.input, *model.graph.output)]


CLASSIFIERS = [
    (RandomForestClassifier(8, random_state=0), 3),
    (RandomForestClassifier(8, min_samples_leaf=4, random_state=0), 3),
    (RandomForestClassifier(8, min_samples_leaf=4, random_state=0), 2),
    (GradientBoostingClassifier(n_estimators=5, random_state=0), 3),
    (GradientBoostingClassifier(n_estimators=5, random_state=0), 2),
    (HistGradientBoostingClassifier(max_iter=5, random_state=0), 3),
    (HistGradientBoostingClassifier(max_iter=5, random_state=0), 2),
]


@pytest.mark.parametrize(("model", "classes"), CLASSIFIERS, ids=str)
def test_what_packaging_wrote_answers_the_same_when_written_again(model: Any, classes: int) -> None:
    X, y = rows(classes)
    graph = own(model.fit(X, y), 6, np.arange(classes))
    feeds = feeds_of(graph, X)
    written = again(graph)
    for was, now in zip(answers(graph, feeds), answers(written, feeds), strict=True):
        np.testing.assert_allclose(now, was, rtol=1e-13, atol=1e-15)
    assert interface(written) == interface(graph)
    assert again(written).ByteSize() <= written.ByteSize() <= graph.ByteSize()


@pytest.mark.parametrize(("model", "classes"), CLASSIFIERS[:5], ids=str)
def test_what_others_wrote_answers_the_same_when_written_again(model: Any, classes: int) -> None:
    X, y = rows(classes)
    graph = foreign(model.fit(X, y), X)
    feeds = feeds_of(graph, X)
    (label, shares), (new_label, new_shares) = answers(graph, feeds), answers(again(graph), feeds)
    assert new_label.tolist() == label.tolist()
    np.testing.assert_allclose(new_shares, shares, atol=1e-6)
    assert again(graph).ByteSize() < graph.ByteSize() / 1.5


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(5, random_state=0),
        GradientBoostingRegressor(n_estimators=5, random_state=0),
    ],
    ids=str,
)
def test_regressors_answer_the_same_when_written_again(model: Any) -> None:
    X, y = make_regression(200, 6, random_state=0)
    model.fit(X, y)
    for graph, exact in ((own(model, 6), 1e-13), (foreign(model, X), 1e-5)):
        feeds = feeds_of(graph, X)
        np.testing.assert_allclose(
            answers(again(graph), feeds)[0], answers(graph, feeds)[0], rtol=exact
        )


def test_missing_values_go_where_they_went() -> None:
    X, y = rows(2)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(X, y)
    graph = own(model, 6, [0, 1])
    feeds = feeds_of(graph, X)
    rounded = Round().apply(graph, Round().steps()[0], feeds, seed=0)
    assert isinstance(rounded, onnx.ModelProto)
    (label, shares), (new_label, new_shares) = answers(graph, feeds), answers(rounded, feeds)
    assert new_label.tolist() == label.tolist()
    np.testing.assert_allclose(new_shares, shares, atol=1e-6)
    (site,) = find_sites(Draft(graph))
    assert site.trees.missing_left.any()
    assert not site.trees.missing_left[~site.trees.is_leaf].all()


def test_the_gentlest_rounding_of_a_forest_changes_no_label_and_takes_a_fraction() -> None:
    X, y = rows(3, 800)
    model = RandomForestClassifier(50, random_state=0).fit(X[:400], y[:400])
    graph = own(model, 6, np.arange(3))
    feeds = feeds_of(graph, X)
    rounded = Round().apply(graph, Step(method="round"), feeds, seed=0)
    assert isinstance(rounded, onnx.ModelProto)
    assert answers(rounded, feeds)[0].tolist() == answers(graph, feeds)[0].tolist()
    assert rounded.ByteSize() < graph.ByteSize() / 2.5


def test_fewer_leaves_and_thresholds_are_fewer_bytes() -> None:
    X, y = rows(2, 600)
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(X, y)
    graph = own(model, 6, [0, 1])
    feeds = feeds_of(graph, X)
    sizes = []
    for levels, limits in ((0, 0), (64, 0), (8, 0), (8, 4)):
        step = Step(method="round", settings={"levels": levels, "limits": limits})
        small = Round().apply(graph, step, feeds, seed=0)
        assert isinstance(small, onnx.ModelProto)
        sizes.append(small.ByteSize())
        (site,) = find_sites(Draft(small))
        trees = merge(site.trees)
        inner = ~trees.is_leaf
        if levels:
            assert len(np.unique(trees.value[~inner])) <= levels + 1  # and the first estimate
        if limits:
            pairs = {*zip(trees.feature[inner], trees.threshold[inner], strict=True)}
            assert len(pairs) <= limits * 6
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


def test_a_thinned_forest_agrees_with_the_whole_on_rows_it_did_not_see() -> None:
    X, y = rows(2, 1500)
    model = RandomForestClassifier(60, random_state=0).fit(X[:500], y[:500])
    graph = own(model, 6, [0, 1])
    step = Step(method="thin", settings={"trees": 0.5, "leaves": 0.2})
    thin = Thin().apply(graph, step, feeds_of(graph, X[:1000]), seed=0)
    assert isinstance(thin, onnx.ModelProto)
    held_out = feeds_of(graph, X[1000:])
    (label, shares), (new_label, new_shares) = answers(graph, held_out), answers(thin, held_out)
    assert np.mean(label == new_label) > 0.95
    assert np.abs(new_shares - shares).mean() < 0.05
    np.testing.assert_allclose(new_shares.sum(axis=1), 1, atol=1e-9)
    assert new_shares.min() >= 0
    leaves = [int(site.trees.is_leaf.sum()) for m in (graph, thin) for site in find_sites(Draft(m))]
    assert leaves[1] <= 0.2 * leaves[0] + 1


@settings(max_examples=15, deadline=None)
@given(
    trees=st.integers(1, 6), depth=st.integers(1, 5), classes=st.integers(2, 4),
    seed=st.integers(0, 99), missing=st.booleans(), data=st.data(),
)  # fmt: skip
def test_any_small_forest_keeps_its_interface_and_answers_what_is_finite(
    trees: int, depth: int, classes: int, seed: int, missing: bool, data: st.DataObject
) -> None:
    X, y = rows(classes, 80, seed)
    if missing:
        X[np.random.default_rng(seed).random(X.shape) < 0.1] = np.nan
    model = RandomForestClassifier(trees, max_depth=depth, random_state=seed).fit(X, y)
    graph = own(model, 6, np.arange(classes))
    before, feeds = graph.SerializeToString(), feeds_of(graph, X)
    method = data.draw(st.sampled_from(METHODS))
    step = data.draw(st.sampled_from(list(method.steps())))
    small = method.apply(graph, step, feeds, seed=seed)
    assert isinstance(small, onnx.ModelProto)
    onnx.checker.check_model(small)
    assert graph.SerializeToString() == before
    assert interface(small) == interface(graph)
    label, shares = answers(small, feeds)
    assert set(label.tolist()) <= set(range(classes))
    assert np.isfinite(shares).all()
    same = method.apply(graph, step, feeds, seed=seed)
    assert isinstance(same, onnx.ModelProto)
    assert same.SerializeToString() == small.SerializeToString()


def tree(*nodes: tuple[int, float, int, int, bool] | float) -> Trees:
    """One tree: (feature, threshold, left, right, missing left), or a leaf's number."""
    inner = [(0, 0.0, -1, -1, False) if isinstance(n, float) else n for n in nodes]
    feature, threshold, left, right, missing = (np.array(part) for part in zip(*inner, strict=True))
    value = np.array([[n if isinstance(n, float) else 0.0] for n in nodes])
    return Trees(np.array([0]), feature, threshold, left, right, missing, value)


MERGED = {
    "two leaves are equal": (tree((0, 1.0, 1, 2, True), 5.0, 5.0), 1),
    "a split asks what one above has decided": (
        tree((0, 1.0, 1, 2, False), (0, 2.0, 3, 4, False), 7.0, 8.0, 9.0), 3),
    "only what is missing comes to its other side": (
        tree((0, 1.0, 1, 2, True), (0, 2.0, 3, 4, False), 7.0, 8.0, 9.0), 5),
    "another column is asked": (
        tree((0, 1.0, 1, 2, False), (1, 2.0, 3, 4, False), 7.0, 8.0, 9.0), 5),
}  # fmt: skip


@pytest.mark.parametrize("case", MERGED)
def test_merging_leaves_out_only_what_decides_nothing(case: str) -> None:
    trees, nodes = MERGED[case]
    fewer = merge(trees)
    assert len(fewer.left) == nodes
    values = np.array([-1.0, 0.5, 1.0, 1.5, 2.0, 2.5, np.nan])
    x = np.stack(np.meshgrid(values, values), axis=-1).reshape(-1, 2)
    was, now = (sums_of(t.value, leaves_of(t, x)) for t in (trees, fewer))
    assert was.tolist() == now.tolist()


def test_any_comparison_is_one_of_at_most() -> None:
    limits, swapped = as_at_most(np.full(4, 2.0, np.float32), np.arange(4))
    below = float(np.nextafter(np.float32(2), np.float32(0)))
    assert limits.tolist() == [2.0, below, below, 2.0]
    assert swapped.tolist() == [False, False, True, True]


def ensemble(**changes: Any) -> onnx.ModelProto:
    """One split, two leaves."""
    given: dict[str, Any] = {
        "n_targets": 1, "aggregate_function": 1, "post_transform": 0, "tree_roots": [0],
        "nodes_featureids": [0], "nodes_truenodeids": [0], "nodes_falsenodeids": [1],
        "nodes_trueleafs": [1], "nodes_falseleafs": [1], "leaf_targetids": [0, 0],
        "nodes_splits": np.array([0], np.float32), "nodes_modes": np.array([0], np.uint8),
        "leaf_weights": np.array([1, 2], np.float32),
    } | changes  # fmt: skip
    node = helper.make_node("TreeEnsemble", ["x"], ["y"], name="wood", domain="ai.onnx.ml")
    for key, value in given.items():
        tensor = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        node.attribute.append(helper.make_attribute(key, tensor))
    values = [helper.make_tensor_value_info(name, 1, [None, 1]) for name in "xy"]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


X1 = np.array([[-1], [0], [1], [np.nan]], np.float32)


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("tracks", [0, 1])
def test_each_comparison_is_read_as_it_is_meant(mode: int, tracks: int) -> None:
    graph = ensemble(
        nodes_modes=np.array([mode], np.uint8), nodes_missing_value_tracks_true=[tracks]
    )
    assert answers(again(graph), {"x": X1})[0].tolist() == answers(graph, {"x": X1})[0].tolist()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aggregate_function": 2}, "least or greatest"),
        ({"post_transform": 2}, "transforms"),
        ({"nodes_modes": np.array([4], np.uint8)}, "equality"),
    ],
)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_trees_that_do_more_are_refused_by_name(
    method: Method, changes: dict[str, Any], word: str
) -> None:
    refused = method.apply(ensemble(**changes), method.steps()[0], {"x": X1}, seed=0)
    assert isinstance(refused, Refused)
    assert refused.method == method.name
    assert "'wood'" in refused.reason
    assert word in refused.reason


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_a_graph_without_trees_is_refused(method: Method) -> None:
    values = [helper.make_tensor_value_info(name, 1, [None, 1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    refused = method.apply(model, method.steps()[0], {"x": X1}, seed=0)
    assert refused == Refused(method.name, "The graph holds no trees.")


@pytest.mark.parametrize(
    ("method", "given"),
    [
        (Round(), {"levels": -1}),
        (Round(), {"bits": 8}),
        (Thin(), {"trees": 0}),
        (Thin(), {"leaves": 1.5}),
    ],
)
def test_settings_that_make_no_sense_are_an_error(method: Method, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        method.apply(ensemble(), Step(method=method.name, settings=given), {"x": X1}, seed=0)


def test_an_operator_that_meant_something_else_before_keeps_trees_from_being_written() -> None:
    model = RandomForestClassifier(2, random_state=0).fit(*rows(2))
    graph = foreign(model, rows(2)[0])
    del graph.opset_import[:]
    graph.opset_import.extend([helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)])
    encoder = helper.make_node(
        "LabelEncoder", ["label"], ["named"], domain="ai.onnx.ml", classes_strings=["a", "b"]
    )
    graph.graph.node.append(encoder)
    graph.graph.output.append(helper.make_tensor_value_info("named", 8, [None]))
    draft = Draft(graph)
    with pytest.raises(ExportError, match="LabelEncoder"):
        write_sites(draft, find_sites(draft))
