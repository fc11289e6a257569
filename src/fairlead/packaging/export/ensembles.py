"""Converters of models that ask other models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer, both, from_probabilities, of_index
from fairlead.packaging.export.graph import Graph
from fairlead.packaging.export.linear import index_of_scores, normalised
from fairlead.packaging.export.scaling import function_of
from fairlead.packaging.export.table import Table, made

Predict = Callable[[Any, Table, Graph], Answer]


def _mean(graph: Graph, parts: list[str], weights: Any = None) -> str:
    """The mean of tensors of one shape, in order; weighted if weights are given."""
    shares = np.ones(len(parts)) if weights is None else np.asarray(weights, np.float64)
    total = ""
    for part, share in zip(parts, shares, strict=True):
        term = part if weights is None else graph.add("Mul", part, float(share))
        total = graph.add("Add", total, term) if total else term
    return graph.add("Div", total, float(shares.sum()))


def _need(tensor: str, what: str) -> str:
    if not tensor:
        raise ExportError(f"A model inside another one has no {what} in ONNX.")
    return tensor


def voting_classifier(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert VotingClassifier, hard or soft."""
    answers = [predict(inner, table, graph) for inner in model.estimators_]
    weights = model._weights_not_none
    if model.voting == "soft":
        shares = [_need(answer.probabilities, "probabilities") for answer in answers]
        return from_probabilities(graph, _mean(graph, shares, weights))
    classes = np.arange(len(model.classes_))[None, :]
    votes = [graph.binary("Equal", graph.column(answer.index), classes) for answer in answers]
    return Answer(graph.argmax(_mean(graph, votes, weights)))


def voting_regressor(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert VotingRegressor."""
    values = [predict(inner, table, graph).values for inner in model.estimators_]
    return Answer(values=_mean(graph, values, model._weights_not_none))


def bagging_classifier(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert BaggingClassifier over classifiers with probabilities of every class."""
    shares = []
    for inner, places in zip(model.estimators_, model.estimators_features_, strict=True):
        if len(inner.classes_) != len(model.classes_):
            raise ExportError("One of its models has not seen every class.")
        answer = predict(inner, tuple(table[place] for place in places), graph)
        shares.append(_need(answer.probabilities, "probabilities"))
    return from_probabilities(graph, _mean(graph, shares))


def bagging_regressor(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert BaggingRegressor."""
    values = [
        predict(inner, tuple(table[place] for place in places), graph).values
        for inner, places in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    return Answer(values=_mean(graph, values))


def ada_boost_classifier(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert AdaBoostClassifier: each model adds its weight to the class that it names."""
    count = len(model.classes_)
    if count < 2:
        raise ExportError("It knows one class only.")
    classes = np.arange(count)[None, :]
    total = ""
    for inner, weight in zip(model.estimators_, model.estimator_weights_, strict=False):
        if len(inner.classes_) != count:
            raise ExportError("One of its models has not seen every class.")
        index = predict(inner, table, graph).index
        named = graph.add("Equal", graph.column(index), classes)
        term = graph.add("Where", named, float(weight), float(-1 / (count - 1) * weight))
        total = graph.add("Add", total, term) if total else term
    scores = graph.add("Div", total, float(model.estimator_weights_.sum()))
    if count > 2:
        shares = graph.add("Softmax", graph.add("Div", scores, float(count - 1)), axis=1)
        return of_index(graph.argmax(scores), shares, scores)
    signed = graph.add("Mul", scores, np.array([[-1.0, 1.0]]))
    score = graph.reduce("ReduceSum", signed)
    halves = graph.add("Div", graph.join([graph.add("Neg", score), score]), 2.0)
    return of_index(index_of_scores(graph, score, 2), graph.add("Softmax", halves, axis=1), score)


def one_against_rest(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert OneVsRestClassifier over models with probabilities, for three classes or more."""
    if model.multilabel_ or len(model.classes_) < 3:
        raise ExportError("It does not tell three classes or more apart.")
    scores, shares = [], []
    for inner in model.estimators_:
        answer = predict(inner, table, graph)
        if answer.probabilities:
            shares.append(graph.columns(answer.probabilities, [1]))
        score = answer.scores or (shares[-1] if answer.probabilities else "")
        scores.append(_need(score, "scores"))
    index = graph.argmax(graph.join(scores))
    if len(shares) < len(scores):
        return Answer(index)
    joined = graph.join(shares)
    total = graph.reduce("ReduceSum", joined)
    safe = graph.add("Where", graph.add("Equal", total, 0.0), 1.0, total)
    return Answer(index, graph.add("Div", joined, safe))


def _stacked(model: Any, table: Table, graph: Graph, predict: Predict) -> Table:
    """The answers of the first layer side by side, and the inputs if they are passed through."""
    columns: Table = ()
    for inner, method in zip(model.estimators_, model.stack_method_, strict=True):
        answer = predict(inner, table, graph)
        classes = len(getattr(model, "classes_", ()))
        if method == "predict_proba":
            shares = made(graph, _need(answer.probabilities, "probabilities"), classes)
            columns += shares[1:] if classes == 2 else shares
        elif method == "decision_function":
            width = 1 if classes == 2 else classes
            columns += made(graph, _need(answer.scores, "scores"), width)
        elif answer.values:
            columns += made(graph, answer.values, 1)
        else:
            named = graph.cast(graph.column(answer.index), "float64")
            columns += made(graph, named, 1)
    return columns + table if model.passthrough else columns


def stacking(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert StackingClassifier or StackingRegressor."""
    return predict(model.final_estimator_, _stacked(model, table, graph, predict), graph)


def calibrated(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert CalibratedClassifierCV with sigmoids."""
    shares = []
    for inner in model.calibrated_classifiers_:
        answer = predict(inner.estimator, table, graph)
        scores = answer.scores
        if not scores:
            both_shares = _need(answer.probabilities, "probabilities")
            scores = graph.columns(both_shares, [1]) if len(model.classes_) == 2 else both_shares
        shares.append(_calibrate(inner, scores, graph))
    return from_probabilities(graph, _mean(graph, shares))


def _calibrate(inner: Any, scores: str, graph: Graph) -> str:
    columns = []
    for place, curve in enumerate(inner.calibrators):
        if type(curve).__name__ != "_SigmoidCalibration":
            raise ExportError("Its calibration is not a sigmoid.")
        score = graph.columns(scores, [place])
        odds = graph.add("Add", graph.add("Mul", score, float(curve.a_)), float(curve.b_))
        columns.append(graph.add("Div", 1.0, graph.add("Add", 1.0, graph.add("Exp", odds))))
    if len(inner.classes) == 2:
        return both(graph, columns[0])
    return normalised(graph, graph.join(columns))


def threshold(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert FixedThresholdClassifier and TunedThresholdClassifierCV on probabilities."""
    inner = getattr(model, "estimator_", model.estimator)
    if model.response_method == "decision_function" or not hasattr(inner, "predict_proba"):
        raise ExportError("Its threshold is not on probabilities.")
    limit = getattr(model, "best_threshold_", None)
    if limit is None:
        limit = 0.5 if model.threshold == "auto" else model.threshold
    shares = _need(predict(inner, table, graph).probabilities, "probabilities")
    wanted = getattr(model, "pos_label", None)
    place = 1 if wanted is None else list(model.classes_).index(wanted)
    above = graph.flat(graph.add("GreaterOrEqual", graph.columns(shares, [place]), float(limit)))
    index = graph.cast(above, "int64")
    return Answer(index if place == 1 else graph.add("Sub", np.array(1), index), shares)


def transformed_target(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert TransformedTargetRegressor whose inverse is a scaler's or a NumPy function."""
    values = predict(model.regressor_, table, graph).values
    inverse = model.transformer_
    kind = type(inverse).__name__
    if kind == "FunctionTransformer":
        if inverse.inv_kw_args:
            raise ExportError("A function is given arguments of its own.")
        return Answer(values=function_of(inverse.inverse_func, graph, values))
    if kind == "StandardScaler":
        if inverse.with_std:
            values = graph.add("Mul", values, inverse.scale_[None, :])
        if inverse.with_mean:
            values = graph.add("Add", values, inverse.mean_[None, :])
        return Answer(values=values)
    raise ExportError(f"The inverse of {kind} has no converter.")


def several_targets(model: Any, table: Table, graph: Graph, predict: Predict) -> Answer:
    """Convert MultiOutputRegressor."""
    parts = [predict(inner, table, graph).values for inner in model.estimators_]
    return Answer(values=graph.join(parts))


META = {
    "VotingClassifier": voting_classifier,
    "VotingRegressor": voting_regressor,
    "BaggingClassifier": bagging_classifier,
    "BaggingRegressor": bagging_regressor,
    "AdaBoostClassifier": ada_boost_classifier,
    "OneVsRestClassifier": one_against_rest,
    "StackingClassifier": stacking,
    "StackingRegressor": stacking,
    "CalibratedClassifierCV": calibrated,
    "FixedThresholdClassifier": threshold,
    "TransformedTargetRegressor": transformed_target,
    "MultiOutputRegressor": several_targets,
}
