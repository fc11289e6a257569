"""Models of river that have learnt a stream, and what they are asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def rows_and_targets(count: int, seed: int = 3) -> tuple[list[Row], list[float]]:
    """Rows of three numbers and a text, and a number that follows from them."""
    draw = random.Random(seed)
    rows: list[Row] = [
        {
            **{name: draw.gauss(0.0, 1.0) for name in ("a", "b", "c")},
            "k": draw.choice(["u", "v", "w"]),
        }
        for _ in range(count)
    ]
    return rows, [row["a"] - row["b"] + (row["k"] == "u") for row in rows]


def labels_of(kind: str, targets: list[float]) -> list[Any]:
    """What a model of a kind learns: numbers, two classes or three."""
    if kind == "number":
        return targets
    if kind == "two":
        return [target > 0.0 for target in targets]
    return ["low" if t < -1.0 else "high" if t > 1.0 else "middle" for t in targets]


def learners() -> dict[str, tuple[str, Callable[[], Any]]]:
    """The usual ones: what each learns, and how it is made."""
    from river import (
        compose,
        drift,
        dummy,
        ensemble,
        feature_extraction,
        forest,
        linear_model,
        multiclass,
        naive_bayes,
        neighbors,
        optim,
        preprocessing,
        rules,
        stats,
        tree,
    )

    def scaled(last: Any) -> Any:
        return compose.Select("a", "b", "c") | preprocessing.StandardScaler() | last

    def mixed(last: Any) -> Any:
        numbers = compose.Select("a", "b", "c") | preprocessing.StandardScaler()
        return (numbers + (compose.Select("k") | preprocessing.OneHotEncoder())) | last

    def logistic(**settings: Any) -> Any:
        return linear_model.LogisticRegression(**settings)

    def hoeffding() -> Any:
        return tree.HoeffdingTreeClassifier(grace_period=40)

    return {
        "logistic": ("two", lambda: mixed(logistic())),
        "logistic(adam)": ("two", lambda: mixed(logistic(optimizer=optim.Adam()))),
        "logistic(ftrl)": ("two", lambda: mixed(logistic(optimizer=optim.FTRLProximal()))),
        "linear": ("number", lambda: mixed(linear_model.LinearRegression())),
        "alma": ("two", lambda: scaled(linear_model.ALMAClassifier())),
        "pa": ("two", lambda: scaled(linear_model.PAClassifier())),
        "pa(number)": ("number", lambda: scaled(linear_model.PARegressor())),
        "softmax": ("three", lambda: scaled(linear_model.SoftmaxRegression())),
        "bayesian": ("number", lambda: scaled(linear_model.BayesianLinearRegression())),
        "hoeffding": ("three", hoeffding),
        "adaptive": (
            "two", lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=40, seed=1),
        ),
        "hoeffding(number)": (
            "number", lambda: scaled(tree.HoeffdingTreeRegressor(grace_period=40)),
        ),
        "arf": ("three", lambda: forest.ARFClassifier(n_models=3, seed=1)),
        "arf(number)": ("number", lambda: scaled(forest.ARFRegressor(n_models=2, seed=1))),
        "mondrian": ("two", lambda: scaled(forest.AMFClassifier(n_estimators=2, seed=1))),
        "gaussian": ("three", lambda: scaled(naive_bayes.GaussianNB())),
        "bagging": (
            "two", lambda: ensemble.ADWINBaggingClassifier(mixed(logistic()), n_models=3, seed=1),
        ),
        "leveraging": (
            "two", lambda: ensemble.LeveragingBaggingClassifier(scaled(logistic()), 3, seed=1),
        ),
        "adaboost": ("two", lambda: ensemble.AdaBoostClassifier(hoeffding(), n_models=2, seed=1)),
        "patches": ("two", lambda: ensemble.SRPClassifier(n_models=2, seed=1)),
        "voting": ("two", lambda: ensemble.VotingClassifier([scaled(logistic()), hoeffding()])),
        "one of many": ("three", lambda: scaled(multiclass.OneVsRestClassifier(logistic()))),
        "one by one": ("three", lambda: scaled(multiclass.OneVsOneClassifier(logistic()))),
        "neighbours": ("two", lambda: scaled(neighbors.KNNClassifier())),
        "rules": ("number", lambda: scaled(rules.AMRules())),
        "after drift": (
            "two", lambda: drift.DriftRetrainingClassifier(hoeffding(), drift.binary.DDM()),
        ),
        "quantiles": (
            "two", lambda: compose.Select("a", "b") | preprocessing.RobustScaler() | logistic(),
        ),
        "words": (
            "two", lambda: feature_extraction.BagOfWords(on="k") | naive_bayes.MultinomialNB(),
        ),
        "means": (
            "two",
            lambda: (
                compose.Select("a") + feature_extraction.TargetAgg(by="k", how=stats.Mean())
            )
            | logistic(),
        ),
        "of targets": (
            "number",
            lambda: preprocessing.TargetStandardScaler(scaled(linear_model.LinearRegression())),
        ),
        "no change": ("two", dummy.NoChangeClassifier),
    }  # fmt: skip


def taught(name: str, count: int = 240) -> tuple[Any, str, list[Row], list[Any]]:
    """A learner after some rows: itself, what it learns, the rows and their labels."""
    kind, make = learners()[name]
    rows, targets = rows_and_targets(count)
    labels = labels_of(kind, targets)
    model = make()
    for row, label in zip(rows, labels, strict=True):
        model.learn_one(row, label)
    return model, kind, rows, labels
