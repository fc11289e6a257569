"""Decision trees, their forests and boosted sums, exactly: in doubles, in the original's order.

The operator is `TreeEnsemble` of ai.onnx.ml 5, whose splits and weights are doubles here. Where
scikit-learn rounds the inputs to single precision first (`float32(x) <= double`), so does the
graph, just before the trees. Sums run in the order of the original, so that even ties agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import (
    Answer,
    from_probabilities,
    of_index,
    sigmoid,
    through_link,
)
from fairlead.packaging.export.graph import ML, Array, Graph
from fairlead.packaging.export.table import Table, numbers


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as arrays over its nodes; node 0 is the root.

    Args:
        feature: column that a node looks at.
        threshold: left if value <= threshold.
        left: node on the left; -1 for a leaf.
        right: node on the right.
        missing_left: whether a missing value goes left.
        value: of a leaf.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    value: Array


def constant_tree(value: float | np.floating[Any]) -> Tree:
    """A tree of one leaf, in the precision of its value."""
    zero, none, leaf = np.zeros(1, np.int64), np.full(1, -1), np.atleast_1d(value)
    return Tree(zero, np.zeros_like(leaf), none, none, np.zeros(1, bool), leaf)


def read_tree(fitted: Any, value: Array) -> Tree:
    """Read scikit-learn's own tree (`tree_`); `value` of each node, shape (nodes,)."""
    state = fitted.__getstate__()["nodes"]
    return Tree(
        state["feature"].astype(np.int64),
        state["threshold"].astype(np.float64),
        np.where(state["left_child"] < 0, -1, state["left_child"]).astype(np.int64),
        state["right_child"].astype(np.int64),
        state["missing_go_to_left"].astype(bool),
        value.astype(np.float64),
    )


def read_histogram_tree(predictor: Any) -> Tree:
    """Read a tree of histogram gradient boosting.

    Raises:
        ExportError: it splits on sets of categories.
    """
    nodes = predictor.nodes
    if bool(nodes["is_categorical"].any()):
        raise ExportError("Its trees split on sets of categories.")
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        nodes["right"].astype(np.int64),
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"].astype(np.float64),
    )


def sum_trees(graph: Graph, x: str, trees: list[Tree], targets: list[int], width: int) -> str:
    """For each row the sum of leaves by target, in the order of the trees: (rows, width).

    It is computed in the precision of the trees' splits and leaves, which must be that of `x`.
    """
    keys = ("nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs",
            "nodes_falseleafs", "nodes_missing_value_tracks_true")  # fmt: skip
    lists: dict[str, list[Any]] = {key: [] for key in keys}
    splits, weights, roots, leaf_targets = [], [], [], []
    nodes = leaves = 0
    for tree, target in zip(trees, targets, strict=True):
        roots.append(nodes)
        flat = _flatten(tree, nodes, leaves)
        for key in keys:
            lists[key].append(flat[key])
        splits.append(flat["splits"])
        weights.append(flat["weights"])
        nodes += len(flat["splits"])
        leaves += len(flat["weights"])
        leaf_targets += [target] * len(flat["weights"])
    settings = {key: np.concatenate(parts).tolist() for key, parts in lists.items()}
    return graph.add(
        "TreeEnsemble",
        x,
        domain=ML,
        n_targets=width,
        aggregate_function=1,
        post_transform=0,
        tree_roots=roots,
        leaf_targetids=leaf_targets,
        nodes_splits=np.concatenate(splits),
        nodes_modes=np.zeros(nodes, np.uint8),
        leaf_weights=np.concatenate(weights),
        **settings,
    )


def _flatten(tree: Tree, nodes: int, leaves: int) -> dict[str, Array]:
    """One tree's share of the attributes; a tree of one leaf gets a split that decides nothing."""
    inner = np.flatnonzero(tree.left >= 0)
    if not len(inner):
        one = np.zeros(1, np.int64)
        return {
            "nodes_featureids": one, "nodes_truenodeids": one + leaves,
            "nodes_falsenodeids": one + leaves, "nodes_trueleafs": one + 1,
            "nodes_falseleafs": one + 1, "nodes_missing_value_tracks_true": one,
            "splits": np.zeros(1, tree.threshold.dtype), "weights": tree.value[:1],
        }  # fmt: skip
    ends = np.flatnonzero(tree.left < 0)
    place = np.empty(len(tree.left), np.int64)
    place[inner] = nodes + np.arange(len(inner))
    place[ends] = leaves + np.arange(len(ends))
    left, right = tree.left[inner], tree.right[inner]
    is_leaf = (tree.left < 0).astype(np.int64)
    return {
        "nodes_featureids": tree.feature[inner],
        "nodes_truenodeids": place[left],
        "nodes_falsenodeids": place[right],
        "nodes_trueleafs": is_leaf[left],
        "nodes_falseleafs": is_leaf[right],
        "nodes_missing_value_tracks_true": tree.missing_left[inner].astype(np.int64),
        "splits": tree.threshold[inner],
        "weights": tree.value[ends],
    }


def single_precision(graph: Graph, table: Table) -> str:
    """The matrix rounded to single precision, as scikit-learn's trees see it."""
    return graph.cast(graph.cast(numbers(graph, table), "float32"), "float64")


def mean_of_trees(graph: Graph, x: str, fitted: list[Any]) -> str:
    """The mean of the trees' leaves, (rows, answers of a leaf)."""
    values = [np.atleast_2d(tree.value.reshape(tree.node_count, -1)) for tree in fitted]
    width = values[0].shape[1]
    if width == 1:
        trees = [read_tree(t, value[:, 0]) for t, value in zip(fitted, values, strict=True)]
        total = sum_trees(graph, x, trees, [0] * len(trees), 1)
    else:
        starts = np.cumsum([0, *map(len, values)])
        trees = [
            read_tree(tree, start + np.arange(tree.node_count, dtype=np.float64))
            for tree, start in zip(fitted, starts[:-1], strict=True)
        ]
        total = sum_rows(graph, x, trees, np.concatenate(values))
    return total if len(fitted) == 1 else graph.add("Div", total, float(len(fitted)))


def sum_rows(graph: Graph, x: str, trees: list[Tree], values: Array) -> str:
    """The sum, tree after tree, of leaves that hold several numbers: (rows, numbers).

    The trees answer which row of `values` is their leaf's; these are looked up and added up
    by a running sum, which unlike a reduction adds in order.
    """
    found = sum_trees(graph, x, trees, list(range(len(trees))), len(trees))
    rows = graph.add("Gather", values, graph.cast(found, "int64"), axis=0)
    running = graph.add("CumSum", rows, np.array(1))
    return graph.add("Gather", running, np.array(len(trees) - 1), axis=1)


def tree_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a decision tree or a forest that classifies."""
    fitted = [e.tree_ for e in getattr(model, "estimators_", [model])]
    return from_probabilities(graph, mean_of_trees(graph, single_precision(graph, table), fitted))


def tree_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a decision tree or a forest that regresses, onto one or several targets."""
    fitted = [e.tree_ for e in getattr(model, "estimators_", [model])]
    return Answer(values=mean_of_trees(graph, single_precision(graph, table), fitted))


def gradient_boosting(model: Any, table: Table, graph: Graph) -> str:
    """The raw sums of gradient boosting, (rows, trees of an iteration)."""
    width = model.estimators_.shape[1]
    if not (model.init_ == "zero" or type(model.init_).__name__.startswith("Dummy")):
        raise ExportError("Its first estimate is a model of its own.")
    first = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0]
    trees = [constant_tree(float(value)) for value in first]
    targets = list(range(width))
    for stage in model.estimators_:
        for target, estimator in enumerate(stage):
            tree = estimator.tree_
            value = model.learning_rate * tree.value[:, 0, 0]
            trees.append(read_tree(tree, value))
            targets.append(target)
    return sum_trees(graph, single_precision(graph, table), trees, targets, width)


def gradient_boosting_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert GradientBoostingClassifier."""
    raw = gradient_boosting(model, table, graph)
    if model.estimators_.shape[1] > 1:
        return softmax(graph, raw)
    scaled = graph.add("Mul", raw, 2.0) if model.loss == "exponential" else raw
    index = graph.cast(graph.flat(graph.add("GreaterOrEqual", raw, 0.0)), "int64")
    return of_index(index, sigmoid(graph, scaled), raw)


def gradient_boosting_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert GradientBoostingRegressor."""
    return Answer(values=gradient_boosting(model, table, graph))


def histogram_boosting(model: Any, table: Table, graph: Graph) -> str:
    """The raw sums of histogram gradient boosting, whose trees compare doubles."""
    if model.is_categorical_ is not None:
        raise ExportError("It treats columns as categories natively, which ONNX has no form for.")
    width = model.n_trees_per_iteration_
    trees = [constant_tree(float(value)) for value in np.ravel(model._baseline_prediction)]
    if len(trees) != width:
        raise ExportError("Its baseline is of another width than its trees.")
    targets = list(range(width))
    for iteration in model._predictors:
        for target, predictor in enumerate(iteration):
            trees.append(read_histogram_tree(predictor))
            targets.append(target)
    return sum_trees(graph, numbers(graph, table), trees, targets, width)


def histogram_boosting_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert HistGradientBoostingClassifier."""
    raw = histogram_boosting(model, table, graph)
    if model.n_trees_per_iteration_ > 1:
        return softmax(graph, raw)
    index = graph.cast(graph.flat(graph.add("Greater", raw, 0.0)), "int64")
    return of_index(index, sigmoid(graph, raw), raw)


def histogram_boosting_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert HistGradientBoostingRegressor, with the inverse link of its loss."""
    raw = histogram_boosting(model, table, graph)
    return through_link(graph, raw, model._loss.link)


def softmax(graph: Graph, raw: str) -> Answer:
    """Several classes of raw scores, (rows, classes)."""
    return of_index(graph.argmax(raw), graph.add("Softmax", raw, axis=1), raw)


def isolation_forest(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert IsolationForest: an outlier is a row whose summed depths are below a bound.

    Its score 2 ** (-depths / n) - offset rises with the depths; the bound is the first double
    for which the original's own arithmetic finds an inlier, so that no power is computed.
    """
    x = single_precision(graph, table)
    if any(len(places) != len(table) for places in model.estimators_features_):
        raise ExportError("Its trees see some of the columns each.")
    trees = [
        read_tree(estimator.tree_, (steps + length) - 1.0)
        for estimator, steps, length in zip(
            model.estimators_, model._decision_path_lengths, model._average_path_length_per_tree,
            strict=True,
        )
    ]  # fmt: skip
    depths = sum_trees(graph, x, trees, [0] * len(trees), 1)
    inside = graph.add("GreaterOrEqual", depths, _inlier_depth(model))
    return Answer(graph.cast(graph.flat(inside), "int64"))


def _inlier_depth(model: Any) -> float:
    from sklearn.ensemble._iforest import _average_path_length

    scale = len(model.estimators_) * _average_path_length([model._max_samples])

    def is_inlier(depth: float) -> bool:
        return bool(-(2 ** (-np.divide(np.array([depth]), scale)))[0] - model.offset_ >= 0)

    low, high = 0.0, 1e12
    if not scale or is_inlier(low) or not is_inlier(high):
        raise ExportError("Its bound on the depths cannot be found.")
    while np.nextafter(low, high) < high:
        middle = low + (high - low) / 2
        low, high = (low, middle) if is_inlier(middle) else (middle, high)
    return high


PREDICTORS = {
    "DecisionTreeClassifier": tree_classifier,
    "ExtraTreeClassifier": tree_classifier,
    "RandomForestClassifier": tree_classifier,
    "ExtraTreesClassifier": tree_classifier,
    "GradientBoostingClassifier": gradient_boosting_classifier,
    "HistGradientBoostingClassifier": histogram_boosting_classifier,
    "DecisionTreeRegressor": tree_regressor,
    "ExtraTreeRegressor": tree_regressor,
    "RandomForestRegressor": tree_regressor,
    "ExtraTreesRegressor": tree_regressor,
    "GradientBoostingRegressor": gradient_boosting_regressor,
    "HistGradientBoostingRegressor": histogram_boosting_regressor,
    "IsolationForest": isolation_forest,
}
