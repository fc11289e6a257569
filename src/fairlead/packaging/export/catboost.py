"""Converters of CatBoost's models, from its own JSON.

CatBoost rounds inputs to single precision, asks `x > border`, and adds doubles. All nodes of one
level of a symmetric tree ask the same, so that a leaf's number is the answers' bits.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer, from_probabilities, sigmoid
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.table import Table
from fairlead.packaging.export.trees import Tree, single_precision, sum_rows
from fairlead.runners.catboost import dump_as

LEAVES_MAX = 1 << 20

Columns = dict[int, tuple[int, bool]]
"""By the number of a feature: its column, and whether a missing value is below every border."""

IDENTITY = frozenset({
    "RMSE", "MAE", "Quantile", "MultiQuantile", "Huber", "MAPE", "Expectile", "Lq", "LogCosh",
    "MultiRMSE", "LogLinQuantile", "QueryRMSE", "YetiRank", "YetiRankPairwise", "PairLogit",
    "PairLogitPairwise", "QuerySoftMax", "StochasticRank",
})  # fmt: skip
EXP = frozenset({"Poisson", "Tweedie"})


def symmetric_tree(said: dict[str, Any], columns: Columns, first: int) -> Tree:
    """A tree of levels as one of nodes; leaves are numbered from `first`."""
    splits = [_split(split, columns) for split in reversed(said["splits"])]
    depth = len(splits)
    if 1 << depth > LEAVES_MAX:
        raise ExportError(f"A tree has {1 << depth} leaves.")
    inner, nodes = (1 << depth) - 1, (2 << depth) - 1
    level = np.log2(np.arange(1, inner + 1)).astype(np.int64)
    feature, missing = np.zeros(nodes, np.int64), np.zeros(nodes, bool)
    threshold, value = np.zeros(nodes), np.zeros(nodes)
    feature[:inner] = np.array([column for column, _, _ in splits], np.int64)[level]
    threshold[:inner] = np.array([border for _, border, _ in splits])[level]
    missing[:inner] = np.array([left for _, _, left in splits], bool)[level]
    value[inner:] = first + np.arange(nodes - inner)
    left = np.where(np.arange(nodes) < inner, 2 * np.arange(nodes) + 1, -1)
    return Tree(feature, threshold, left, np.where(left < 0, -1, left + 1), missing, value)


def grown_tree(
    said: dict[str, Any], columns: Columns, first: int
) -> tuple[Tree, list[list[float]]]:
    """A tree that grew leaf by leaf, and the values of its leaves, numbered from `first`."""
    nodes = [said]
    left, right, splits, value = [], [], [], []
    values: list[list[float]] = []
    for node in nodes:  # grows as children are found
        inner = "split" in node
        left.append(len(nodes) if inner else -1)
        right.append(len(nodes) + 1 if inner else -1)
        splits.append(_split(node["split"], columns) if inner else (0, 0.0, False))
        value.append(first + len(values))
        if inner:
            nodes += [node["left"], node["right"]]
        else:
            values.append(node["value"])
    feature, threshold, missing = (np.array(part) for part in zip(*splits, strict=True))
    ends = np.array(value, np.float64)
    return Tree(feature, threshold, np.array(left), np.array(right), missing, ends), values


def _split(said: dict[str, Any], columns: Columns) -> tuple[int, float, bool]:
    """Column, border, and whether a missing value is below it."""
    if said["split_type"] != "FloatFeature":
        raise ExportError("Its trees split on categories.")
    column, missing_left = columns[said["float_feature_index"]]
    return column, float(np.float32(said["border"])), missing_left


def _sums(model: Any, table: Table, graph: Graph) -> str:
    """The sums before the link, (rows, targets)."""
    said = json.loads(dump_as(model, "json"))
    given = said["features_info"].get("float_features", [])
    columns = {
        each["feature_index"]: (
            each["flat_feature_index"], each["nan_value_treatment"] != "AsTrue"
        )
        for each in given
    }  # fmt: skip
    scale, bias = said["scale_and_bias"]
    trees, values = _trees(said, columns, len(bias))
    sums = sum_rows(graph, single_precision(graph, table), trees, values)
    if scale != 1:
        sums = graph.add("Mul", sums, float(scale))
    return graph.add("Add", sums, np.array(bias, np.float64))


def _trees(said: dict[str, Any], columns: Columns, width: int) -> tuple[list[Tree], Array]:
    """The trees, whose leaves are numbers of rows, and these rows, (leaves, width)."""
    trees: list[Tree] = []
    values: list[Any] = []
    for tree in said.get("oblivious_trees", ()):
        trees.append(symmetric_tree(tree, columns, len(values)))
        values += np.reshape(tree["leaf_values"], (-1, width)).tolist()
    for tree in said.get("trees", ()):
        grown, leaves = grown_tree(tree, columns, len(values))
        trees.append(grown)
        values += np.reshape(leaves, (-1, width)).tolist()
    if not trees:
        raise ExportError("It has no trees.")
    if len(values) > LEAVES_MAX:
        raise ExportError(f"Its trees have {len(values)} leaves.")
    return trees, np.array(values, np.float64)


def _loss(model: Any) -> str:
    loss = model.get_all_params()["loss_function"]
    return str(loss).partition(":")[0]


def catboost_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert CatBoostClassifier."""
    loss = _loss(model)
    if model.get_probability_threshold() != 0.5:
        raise ExportError("Its threshold of the probability is not one half.")
    sums = _sums(model, table, graph)
    if loss in ("Logloss", "CrossEntropy"):
        return from_probabilities(graph, sigmoid(graph, sums))
    if loss == "MultiClass":
        shares = graph.add("Softmax", sums, axis=1)
        return Answer(index=graph.argmax(sums), probabilities=shares)
    if loss == "MultiClassOneVsAll":
        tail = graph.add("Exp", graph.add("Neg", sums))
        shares = graph.add("Div", 1.0, graph.add("Add", 1.0, tail))
        return Answer(index=graph.argmax(sums), probabilities=shares)
    raise ExportError(f"Its loss {loss} has no converter for classes.")


def catboost_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert CatBoostRegressor and CatBoostRanker."""
    loss = _loss(model)
    sums = _sums(model, table, graph)
    if loss in IDENTITY:
        return Answer(values=sums)
    if loss in EXP:
        return Answer(values=graph.add("Exp", sums))
    raise ExportError(f"Its loss {loss} has no converter.")


PREDICTORS = {
    "CatBoostClassifier": catboost_classifier,
    "CatBoostRegressor": catboost_regressor,
    "CatBoostRanker": catboost_regressor,
}
