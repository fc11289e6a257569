"""Converters of support vector machines, whose kernels are computed in doubles."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.linear import affine
from fairlead.packaging.export.table import Table, numbers


def kernel(model: Any, table: Table, graph: Graph) -> str:
    """The kernel between rows and support vectors, (rows, vectors).

    Distances are of points moved to the vectors' mean, where their expansion
    |x|^2 + |v|^2 - 2 x.v loses least.
    """
    x = numbers(graph, table)
    vectors = np.asarray(model.support_vectors_, np.float64)
    gamma = float(model._gamma)
    if model.kernel == "rbf":
        centre = vectors.mean(axis=0)
        moved, vectors = graph.add("Sub", x, centre[None, :]), vectors - centre
        norms = graph.reduce("ReduceSum", graph.add("Mul", moved, moved))
        cross = affine(graph, moved, -2.0 * vectors.T, (vectors**2).sum(axis=1))
        return graph.add("Exp", graph.add("Mul", graph.add("Add", cross, norms), -gamma))
    if model.kernel == "linear":
        return graph.add("MatMul", x, np.ascontiguousarray(vectors.T))
    if model.kernel in ("poly", "sigmoid"):
        inner = affine(graph, x, gamma * vectors.T, float(model.coef0))
        if model.kernel == "sigmoid":
            return graph.add("Tanh", inner)
        return graph.add("Pow", inner, float(model.degree))
    raise ExportError("Its kernel is a function of its own.")


def vector_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert SVR and NuSVR."""
    similar = kernel(model, table, graph)
    return Answer(values=affine(graph, similar, model.dual_coef_.T, model.intercept_))


def vector_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert SVC and NuSVC, who let each pair of classes vote; the first of equals wins."""
    if model.break_ties and len(model.classes_) > 2:
        raise ExportError("It breaks ties by its scores.")
    similar = kernel(model, table, graph)
    weights, wins = _pairs(model)
    decisions = affine(graph, similar, weights, model._intercept_)
    first = graph.binary("Greater", decisions, 0.0)
    votes = graph.add("Add", graph.add("MatMul", first, wins[0]),
                      graph.add("MatMul", graph.add("Sub", 1.0, first), wins[1]))  # fmt: skip
    scores = graph.add("Neg", decisions) if len(model.classes_) == 2 else ""
    return Answer(graph.argmax(votes), scores=scores)


def _pairs(model: Any) -> tuple[Array, tuple[Array, Array]]:
    """Weights (vectors, pairs) of each pair's decision, and who wins if it is above 0 or not."""
    count = len(model.classes_)
    ends = np.cumsum([0, *model._n_support])
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    weights = np.zeros((len(model.support_vectors_), len(pairs)))
    above, below = np.zeros((len(pairs), count)), np.zeros((len(pairs), count))
    for place, (i, j) in enumerate(pairs):
        of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        weights[of_i, place] = model._dual_coef_[j - 1, of_i]
        weights[of_j, place] = model._dual_coef_[i, of_j]
        above[place, i] = below[place, j] = 1.0
    return weights, (above, below)


def vector_outliers(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert OneClassSVM: inliers are those above zero."""
    similar = kernel(model, table, graph)
    scores = affine(graph, similar, model.dual_coef_.T, model.intercept_)
    return Answer(graph.cast(graph.flat(graph.add("Greater", scores, 0.0)), "int64"))


PREDICTORS = {
    "SVC": vector_classifier,
    "NuSVC": vector_classifier,
    "SVR": vector_regressor,
    "NuSVR": vector_regressor,
    "OneClassSVM": vector_outliers,
}
