"""Converters of XGBoost's models, from its own JSON.

XGBoost computes in single precision, and so does the graph: inputs are rounded, a split asks
`x < t`, leaves are added to the first estimate one by one, and the sum is the same to the last bit.
The exponential is taken of doubles and rounded, which is what `expf` of the C library does but for
the last bit of one answer in some thousand, and never where a label turns.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer, from_probabilities
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.table import Table, made, numbers
from fairlead.packaging.export.trees import Tree, constant_tree, sum_trees
from fairlead.runners.xgboost import read_learner, trees_of

Single = np.float32

IDENTITY = frozenset({
    "reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror",
    "reg:quantileerror", "rank:pairwise", "rank:ndcg", "rank:map",
})  # fmt: skip
SIGMOID = frozenset({"binary:logistic", "reg:logistic"})
EXP = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"})
SOFTMAX = "multi:softprob"


@dataclass(frozen=True, slots=True)
class Boosting:
    """What is summed.

    Args:
        objective: whose link turns the sums into answers.
        first: the first estimate of each target.
        trees: in order, up to the best iteration.
        targets: of each tree.
    """

    objective: str
    first: Array
    trees: list[Tree]
    targets: list[int]


def read_boosting(model: Any) -> Boosting:
    """Read an estimator.

    Raises:
        ExportError: a part of it has no form in ONNX.
    """
    learner = read_learner(model.get_booster().save_raw("json"))
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        raise ExportError("Its booster is linear, of which there is no converter.")
    forest = booster.get("gbtree", booster)["model"]
    rounds = int(learner.get("attributes", {}).get("best_iteration", -1)) + 1
    count = forest["iteration_indptr"][rounds] if rounds else len(forest["trees"])
    targets = forest["tree_info"][:count]
    objective = learner["objective"]["name"]
    first = _first(learner["learner_model_param"], objective)
    trees = [_tree(tree) for tree in trees_of(learner)[:count]]
    if "weight_drop" in booster:
        weights = np.array(booster["weight_drop"], Single)
        trees = [_dropped(*given, first) for given in zip(trees, targets, weights, strict=False)]
    return Boosting(objective, first, trees, targets)


def _first(param: dict[str, str], objective: str) -> Array:
    """The first estimate of each target, before the link."""
    said = json.loads(param["base_score"])
    means = np.atleast_1d(np.array(said, Single))
    if objective in SIGMOID:
        odds = Single(1) / means - Single(1)
        means = np.array([-math.log(each) for each in odds], Single)
    elif objective in EXP:
        means = np.array([math.log(mean) for mean in means], Single)
    width = max(int(param["num_class"]), int(param["num_target"]), 1)
    return np.array(np.broadcast_to(means, (width,)))


def _tree(said: dict[str, Any]) -> Tree:
    if int(said["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise ExportError("Its leaves hold several numbers.")
    if any(said["split_type"]):
        raise ExportError("Its trees split on sets of categories.")
    values = np.array(said["split_conditions"], Single)
    return Tree(
        np.array(said["split_indices"], np.int64),
        np.nextafter(values, Single(-np.inf)),  # x < t is x <= the number before t
        np.array(said["left_children"], np.int64),
        np.array(said["right_children"], np.int64),
        np.array(said["default_left"], bool),
        values,
    )


def _dropped(tree: Tree, target: int, weight: Any, first: Array) -> Tree:
    """A tree of DART: XGBoost takes the first estimate off what the tree gives with it."""
    value = ((first[target] + tree.value) - first[target]) * weight
    return Tree(
        tree.feature, tree.threshold, tree.left, tree.right, tree.missing_left, value
    )  # fmt: skip


def _sums(boosting: Boosting, missing: float, table: Table, graph: Graph) -> str:
    """The sums before the link, (rows, targets), in single precision."""
    x = graph.cast(numbers(graph, table), "float32")
    if not np.isnan(missing):
        absent = graph.add("Equal", x, np.array(missing, Single))
        x = graph.add("Where", absent, np.array(np.nan, Single), x)
    width = len(boosting.first)
    trees = [constant_tree(value) for value in boosting.first] + boosting.trees
    return sum_trees(graph, x, trees, [*range(width), *boosting.targets], width)


def without_zeros(table: Table, graph: Graph) -> Table:
    """A table whose zeros are missing, as XGBoost reads a sparse matrix."""
    x = numbers(graph, table)
    return made(graph, graph.add("Where", graph.add("Equal", x, 0.0), np.nan, x), len(table))


def _exp(graph: Graph, sums: str) -> str:
    """The exponential, rounded to single precision once."""
    return graph.cast(graph.add("Exp", graph.cast(sums, "float64")), "float32")


def _sigmoid(graph: Graph, sums: str) -> str:
    one = np.array(1, Single)
    return graph.add("Div", one, graph.add("Add", _exp(graph, graph.add("Neg", sums)), one))


def _softmax(graph: Graph, sums: str) -> str:
    powers = _exp(graph, graph.add("Sub", sums, graph.reduce("ReduceMax", sums)))
    total = graph.reduce("ReduceSum", graph.cast(powers, "float64"))
    return graph.add("Div", powers, graph.cast(total, "float32"))


def xgboost_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert XGBClassifier and XGBRFClassifier."""
    boosting = read_boosting(model)
    sums = _sums(boosting, model.missing, table, graph)
    if boosting.objective == SOFTMAX:
        return from_probabilities(graph, graph.cast(_softmax(graph, sums), "float64"))
    if boosting.objective not in SIGMOID or len(boosting.first) > 1:
        raise ExportError(f"Its objective {boosting.objective} has no converter for classes.")
    share = _sigmoid(graph, sums)
    index = graph.cast(graph.flat(graph.add("Greater", share, np.array(0.5, Single))), "int64")
    shares = graph.join([graph.add("Sub", np.array(1, Single), share), share])
    return Answer(index=index, probabilities=graph.cast(shares, "float64"))


def xgboost_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert XGBRegressor, XGBRFRegressor and XGBRanker."""
    boosting = read_boosting(model)
    sums = _sums(boosting, model.missing, table, graph)
    if boosting.objective in SIGMOID:
        sums = _sigmoid(graph, sums)
    elif boosting.objective in EXP:
        sums = _exp(graph, sums)
    elif boosting.objective not in IDENTITY:
        raise ExportError(f"Its objective {boosting.objective} has no converter.")
    return Answer(values=graph.cast(sums, "float64"))


PREDICTORS = {
    "XGBClassifier": xgboost_classifier,
    "XGBRFClassifier": xgboost_classifier,
    "XGBRegressor": xgboost_regressor,
    "XGBRFRegressor": xgboost_regressor,
    "XGBRanker": xgboost_regressor,
}
