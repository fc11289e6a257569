"""Converters of LightGBM's models, from its own text.

LightGBM compares and adds doubles. A split is `x <= t` with its own rule for missing values: NaN
goes a given way; or NaN and zero do; or NaN is zero. Zero is whatever is no further from it than
a bound, and is rounded to it before the trees.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer, from_probabilities, sigmoid
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.table import Table
from fairlead.packaging.export.table import numbers as matrix
from fairlead.packaging.export.trees import Tree, sum_trees
from fairlead.runners.lightgbm import CATEGORICAL, Section, children, numbers, read_text

ZERO = float(np.float32(1e-35))
DEFAULT_LEFT = 2
NONE, ZEROS, NANS = 0, 4, 8
MISSING_BITS = 12

IDENTITY = frozenset({
    "regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank",
    "rank_xendcg", "custom",
})  # fmt: skip
EXP = frozenset({"poisson", "gamma", "tweedie"})


def read_tree(said: Section, features: int) -> tuple[Tree, bool]:
    """One tree, whose columns from `features` on are those with NaN for zero; whether it has such.

    Raises:
        ExportError: a part of it has no form in ONNX.
    """
    if said.get("is_linear", "0") != "0":
        raise ExportError("Its leaves hold linear functions.")
    left, right = children(said)
    leaves = numbers(said, "leaf_value")
    inner = len(leaves) - 1
    feature, threshold = np.zeros(len(left), np.int64), np.zeros(len(left))
    missing_left, value = np.zeros(len(left), bool), np.zeros(len(left))
    value[inner:] = leaves
    if not inner:
        return Tree(feature, threshold, left, right, missing_left, value), False
    kinds = numbers(said, "decision_type", np.int64)
    if bool((kinds & CATEGORICAL).any()):
        raise ExportError("Its trees split on sets of categories.")
    limits = numbers(said, "threshold")
    missing = kinds & MISSING_BITS
    zeros = missing == ZEROS
    feature[:inner] = numbers(said, "split_feature", np.int64) + features * zeros
    threshold[:inner] = _rounded(limits)
    missing_left[:inner] = np.where(missing == NONE, limits >= 0, kinds & DEFAULT_LEFT > 0)
    return Tree(feature, threshold, left, right, missing_left, value), bool(zeros.any())


def _rounded(limits: Array) -> Array:
    """Thresholds that decide on any number as the given ones do once what is near zero is zero."""
    below = np.where(limits < 0, np.nextafter(-ZERO, -np.inf), ZERO)
    return np.where(np.abs(limits) <= ZERO, below, limits)


def _sums(model: Any, table: Table, graph: Graph) -> tuple[str, list[str]]:
    """The sums before the link, (rows, targets), and the words of the objective."""
    header, said = read_text(model.booster_.model_to_string().encode())
    found = [read_tree(tree, len(table)) for tree in said]
    x = matrix(graph, table)
    if any(zeros for _, zeros in found):
        near = graph.add("LessOrEqual", graph.add("Abs", x), ZERO)
        x = graph.join([x, graph.add("Where", near, np.nan, x)])
    width = int(header["num_tree_per_iteration"])
    targets = [place % width for place in range(len(found))]
    sums = sum_trees(graph, x, [tree for tree, _ in found], targets, width)
    if "average_output" in header:
        sums = graph.add("Div", sums, float(len(found) // width))
    return sums, header.get("objective", "custom").split()


def _setting(words: list[str], name: str) -> float:
    """A setting of an objective, such as `sigmoid:1`."""
    return float(next(word for word in words if word.startswith(f"{name}:")).partition(":")[2])


def lightgbm_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert LGBMClassifier."""
    sums, words = _sums(model, table, graph)
    match words[0]:
        case "multiclass":
            return from_probabilities(graph, graph.add("Softmax", sums, axis=1))
        case "binary":
            odds = graph.add("Mul", sums, _setting(words, "sigmoid"))
            return from_probabilities(graph, sigmoid(graph, odds))
        case "multiclassova":
            odds = graph.add("Mul", sums, _setting(words, "sigmoid"))
            return from_probabilities(graph, _logistic(graph, odds))
    raise ExportError(f"Its objective {words[0]} has no converter for classes.")


def lightgbm_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert LGBMRegressor and LGBMRanker."""
    sums, words = _sums(model, table, graph)
    if "sqrt" in words:
        square = graph.add("Mul", sums, sums)
        return Answer(values=graph.add("Mul", graph.add("Sign", sums), square))
    if words[0] in IDENTITY:
        return Answer(values=sums)
    if words[0] in EXP:
        return Answer(values=graph.add("Exp", sums))
    if words[0] == "cross_entropy":
        return Answer(values=_logistic(graph, sums))
    raise ExportError(f"Its objective {words[0]} has no converter.")


def lightgbm_model(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a raw booster."""
    convert = lightgbm_regressor if model.classes_ is None else lightgbm_classifier
    return convert(model, table, graph)


def _logistic(graph: Graph, odds: str) -> str:
    tail = graph.add("Exp", graph.add("Neg", odds))
    return graph.add("Div", 1.0, graph.add("Add", 1.0, tail))


PREDICTORS = {
    "LGBMClassifier": lightgbm_classifier,
    "LGBMRegressor": lightgbm_regressor,
    "LGBMRanker": lightgbm_regressor,
    "LightgbmModel": lightgbm_model,
}
