"""Converters of models whose answer is a linear function, a product or a distance of the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import (
    Answer,
    both,
    from_probabilities,
    of_index,
    sigmoid,
    through_link,
)
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.table import Table, numbers


def affine(graph: Graph, x: str, weights: Array, bias: Array | float) -> str:
    """X @ weights + bias; weights of shape (columns, answers)."""
    product = graph.add("MatMul", x, np.ascontiguousarray(weights, dtype=np.float64))
    return graph.add("Add", product, np.atleast_1d(np.asarray(bias, np.float64)))


def linear(model: Any, table: Table, graph: Graph) -> str:
    """The scores of a linear model, (rows, answers)."""
    weights = np.atleast_2d(np.asarray(model.coef_)).T
    return affine(graph, numbers(graph, table), weights, model.intercept_)


def linear_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a regressor whose prediction is linear."""
    return Answer(values=linear(model, table, graph))


def log_linear_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a generalised linear regressor with its link."""
    raw = linear(model, table, graph)
    return through_link(graph, raw, model._base_loss.link)


def index_of_scores(graph: Graph, scores: str, classes: int) -> str:
    """The class: the first of the highest scores, the second of two if the score is above 0."""
    if classes == 2:
        return graph.cast(graph.flat(graph.add("Greater", scores, 0.0)), "int64")
    return graph.argmax(scores)


def linear_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a linear classifier without probabilities."""
    scores = linear(model, table, graph)
    return Answer(index=index_of_scores(graph, scores, len(model.classes_)), scores=scores)


def logistic(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a linear classifier whose probabilities are the softmax of its scores."""
    plain = linear_classifier(model, table, graph)
    if len(model.classes_) == 2:
        probabilities = sigmoid(graph, plain.scores)
    else:
        probabilities = graph.add("Softmax", plain.scores, axis=1)
    return of_index(plain.index, probabilities, plain.scores)


def sgd_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert SGDClassifier; several classes are scored one against the rest."""
    plain = linear_classifier(model, table, graph)
    if model.loss not in ("log_loss", "modified_huber"):
        return plain
    two = len(model.classes_) == 2
    if model.loss == "modified_huber":
        clipped = graph.add("Clip", plain.scores, -1.0, 1.0)
        shares = graph.add("Div", graph.add("Add", clipped, 1.0), 2.0)
    else:
        tail = graph.add("Exp", graph.add("Neg", plain.scores))
        shares = graph.add("Div", 1.0, graph.add("Add", 1.0, tail))
    return of_index(
        plain.index, both(graph, shares) if two else normalised(graph, shares), plain.scores
    )


def normalised(graph: Graph, shares: str) -> str:
    """Rows divided by their sums; where all are zero, equal shares."""
    total = graph.reduce("ReduceSum", shares)
    empty = graph.add("Equal", total, 0.0)
    ones = graph.add("Where", empty, 1.0, shares)
    return graph.add("Div", ones, graph.reduce("ReduceSum", ones))


def perceptron_network(model: Any, table: Table, graph: Graph) -> str:
    """The last layer of a network, before its activation."""
    x = numbers(graph, table)
    for place, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        x = affine(graph, x, weights, bias)
        if place < len(model.coefs_) - 1:
            x = _activation(graph, model.activation, x)
    return x


def _activation(graph: Graph, name: str, x: str) -> str:
    if name == "logistic":
        return graph.add("Div", 1.0, graph.add("Add", 1.0, graph.add("Exp", graph.add("Neg", x))))
    operator = {"relu": "Relu", "tanh": "Tanh", "identity": "Identity"}[name]
    return graph.add(operator, x)


def network_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert MLPClassifier."""
    raw = perceptron_network(model, table, graph)
    if model.out_activation_ == "logistic" and len(model.classes_) == 2:
        probabilities = sigmoid(graph, raw)
        positive = graph.add("Greater", graph.columns(probabilities, [1]), 0.5)
        return Answer(graph.cast(graph.flat(positive), "int64"), probabilities)
    if model.out_activation_ != "softmax":
        raise ExportError(f"Its last activation {model.out_activation_} is not known.")
    return from_probabilities(graph, graph.add("Softmax", raw, axis=1))


def network_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert MLPRegressor."""
    raw = perceptron_network(model, table, graph)
    if model.out_activation_ != "identity":
        return Answer(values=graph.add("Exp", raw))
    return Answer(values=raw)


def _bayes(graph: Graph, scores: str) -> Answer:
    """Joint log likelihoods (rows, classes) as class and probabilities."""
    return Answer(graph.argmax(scores), graph.add("Softmax", scores, axis=1))


def multinomial_bayes(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert MultinomialNB."""
    weights = model.feature_log_prob_.T
    return _bayes(graph, affine(graph, numbers(graph, table), weights, model.class_log_prior_))


def complement_bayes(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert ComplementNB of two or more classes."""
    x = numbers(graph, table)
    return _bayes(graph, affine(graph, x, model.feature_log_prob_.T, 0.0))


def bernoulli_bayes(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert BernoulliNB."""
    x = numbers(graph, table)
    if model.binarize is not None:
        x = graph.binary("Greater", x, float(model.binarize))
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    bias = model.class_log_prior_ + absent.sum(axis=1)
    return _bayes(graph, affine(graph, x, (model.feature_log_prob_ - absent).T, bias))


def gaussian_bayes(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert GaussianNB."""
    x = numbers(graph, table)
    scores = []
    for prior, mean, variance in zip(model.class_prior_, model.theta_, model.var_, strict=True):
        gap = graph.add("Sub", x, mean[None, :])
        terms = graph.add("Div", graph.add("Mul", gap, gap), variance[None, :])
        spread = graph.add("Mul", graph.reduce("ReduceSum", terms), 0.5)
        norm = float(np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance)))
        scores.append(graph.add("Sub", norm, spread))
    return _bayes(graph, graph.join(scores))


def dummy_classifier(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert DummyClassifier that always answers the same."""
    if model.strategy not in ("prior", "most_frequent", "constant"):
        raise ExportError("It draws its answers by chance.")
    first = graph.cast(graph.add("Equal", _zeros(graph, table), 1.0), "float64")
    row = model.predict_proba(np.zeros((1, 1)))
    index = list(model.classes_).index(model.predict(np.zeros((1, 1)))[0])
    places = graph.cast(graph.flat(graph.add("Add", first, float(index))), "int64")
    return Answer(places, graph.add("Add", first, row))


def dummy_regressor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert DummyRegressor."""
    return Answer(values=graph.add("Add", _zeros(graph, table), np.atleast_2d(model.constant_)))


def _zeros(graph: Graph, table: Table) -> str:
    """A column of zeros, even where values are missing or text."""
    column = table[0]
    if column.text:
        same = graph.add("Equal", column.tensor, column.tensor)
        return graph.add("Mul", graph.cast(same, "float64"), 0.0)
    missing = graph.add("IsNaN", numbers(graph, (column,)))
    return graph.add("Mul", graph.cast(missing, "float64"), 0.0)


def nearest_centre(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert KMeans: the nearest centre by |c|^2 - 2 x.c, as the original finds it."""
    centres = model.cluster_centers_.astype(np.float64)
    norms = (centres**2).sum(axis=1)
    return Answer(
        graph.add(
            "ArgMin",
            affine(graph, numbers(graph, table), -2.0 * centres.T, norms),
            axis=1,
            keepdims=0,
        )
    )


def linear_svm_outliers(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert SGDOneClassSVM: inliers are those above the offset."""
    scores = affine(graph, numbers(graph, table), np.atleast_2d(model.coef_).T, -model.offset_)
    inside = graph.add("GreaterOrEqual", scores, 0.0)
    return Answer(graph.cast(graph.flat(inside), "int64"), scores=scores)


PREDICTORS = {
    **dict.fromkeys(
        ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"), logistic
    ),
    **dict.fromkeys(
        ("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron",
         "PassiveAggressiveClassifier"),
        linear_classifier,
    ),
    "SGDClassifier": sgd_classifier,
    "MLPClassifier": network_classifier,
    "MultinomialNB": multinomial_bayes,
    "ComplementNB": complement_bayes,
    "BernoulliNB": bernoulli_bayes,
    "GaussianNB": gaussian_bayes,
    "DummyClassifier": dummy_classifier,
    "KMeans": nearest_centre,
    "MiniBatchKMeans": nearest_centre,
    "SGDOneClassSVM": linear_svm_outliers,
    **dict.fromkeys(
        ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV",
         "Lars", "LarsCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "BayesianRidge",
         "ARDRegression", "HuberRegressor", "TheilSenRegressor", "SGDRegressor", "LinearSVR",
         "PassiveAggressiveRegressor", "OrthogonalMatchingPursuit",
         "OrthogonalMatchingPursuitCV", "MultiTaskLasso", "MultiTaskLassoCV",
         "MultiTaskElasticNet", "MultiTaskElasticNetCV", "QuantileRegressor"),
        linear_regressor,
    ),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"),
                    log_linear_regressor),
    "MLPRegressor": network_regressor,
    "DummyRegressor": dummy_regressor,
}  # fmt: skip
