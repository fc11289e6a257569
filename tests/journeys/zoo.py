"""Every kind of scikit-learn model, small, with data that has what real data has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from threadpoolctl import threadpool_limits

from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError
from fairlead.packaging.export import Exported, Reference, export
from fairlead.packaging.export.original import Original
from fairlead.packaging.export.rows import receipt_rows
from fairlead.runners.frame import Form
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import Signature, concat, from_frame, infer_inputs

Steps = Literal["none", "scaled", "columns", "missing", "native"]
STEPS: tuple[Steps, ...] = ("none", "scaled", "columns")
ROWS = 160

C = Callable[[], Any]
_tree = tree.DecisionTreeClassifier
_logistic = linear_model.LogisticRegression

CLASSIFIERS: dict[str, C] = {
    "LogisticRegression": _logistic,
    "LogisticRegressionCV": lambda: linear_model.LogisticRegressionCV(
        Cs=2, cv=2, use_legacy_attributes=False, l1_ratios=(0.0,), scoring="neg_log_loss"
    ),
    "RidgeClassifier": linear_model.RidgeClassifier,
    "RidgeClassifierCV": linear_model.RidgeClassifierCV,
    "SGDClassifier(hinge)": lambda: linear_model.SGDClassifier(random_state=0),
    "SGDClassifier(log_loss)": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "SGDClassifier(modified_huber)": lambda: linear_model.SGDClassifier(
        loss="modified_huber", random_state=0
    ),
    "Perceptron": linear_model.Perceptron,
    "LinearSVC": svm.LinearSVC,
    "SVC": svm.SVC,
    "NuSVC": lambda: svm.NuSVC(nu=0.2),
    "LinearDiscriminantAnalysis": discriminant_analysis.LinearDiscriminantAnalysis,
    "QuadraticDiscriminantAnalysis": lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(
        reg_param=0.1
    ),
    "GaussianNB": naive_bayes.GaussianNB,
    "BernoulliNB": naive_bayes.BernoulliNB,
    "KNeighborsClassifier": neighbors.KNeighborsClassifier,
    "RadiusNeighborsClassifier": lambda: neighbors.RadiusNeighborsClassifier(
        1e6, outlier_label="most_frequent"
    ),
    "NearestCentroid": neighbors.NearestCentroid,
    "MLPClassifier": lambda: neural_network.MLPClassifier((8,), max_iter=30, random_state=0),
    "GaussianProcessClassifier": lambda: gaussian_process.GaussianProcessClassifier(optimizer=None),
    "DecisionTreeClassifier": lambda: _tree(random_state=0),
    "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(random_state=0),
    "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(12, random_state=0),
    "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(12, random_state=0),
    "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(
        n_estimators=12, random_state=0
    ),
    "HistGradientBoostingClassifier": lambda: ensemble.HistGradientBoostingClassifier(
        max_iter=12, random_state=0
    ),
    "AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(n_estimators=12, random_state=0),
    "BaggingClassifier": lambda: ensemble.BaggingClassifier(
        n_estimators=6, max_features=0.7, random_state=0
    ),
    "VotingClassifier(soft)": lambda: ensemble.VotingClassifier(
        [("a", _logistic()), ("b", _tree(random_state=0))], voting="soft", weights=[2, 1]
    ),
    "VotingClassifier(hard)": lambda: ensemble.VotingClassifier(
        [("a", _logistic()), ("b", _tree(random_state=0)), ("c", naive_bayes.GaussianNB())]
    ),
    "StackingClassifier": lambda: ensemble.StackingClassifier(
        [("a", linear_model.RidgeClassifier()), ("b", _tree(max_depth=3, random_state=0))], cv=2
    ),
    "CalibratedClassifierCV(sigmoid)": lambda: calibration.CalibratedClassifierCV(
        svm.LinearSVC(), cv=2
    ),
    "CalibratedClassifierCV(isotonic)": lambda: calibration.CalibratedClassifierCV(
        svm.LinearSVC(), method="isotonic", cv=2
    ),
    "OneVsRestClassifier": lambda: multiclass.OneVsRestClassifier(_logistic()),
    "OneVsOneClassifier": lambda: multiclass.OneVsOneClassifier(_logistic()),
    "GridSearchCV": lambda: model_selection.GridSearchCV(
        _tree(random_state=0), {"max_depth": [2, 4]}, cv=2
    ),
    "FixedThresholdClassifier": lambda: model_selection.FixedThresholdClassifier(
        _logistic(), threshold=0.3
    ),
    "LabelPropagation": semi_supervised.LabelPropagation,
    "DummyClassifier": dummy.DummyClassifier,
    "PCA > LogisticRegression": lambda: pipeline.make_pipeline(decomposition.PCA(2), _logistic()),
    "KBinsDiscretizer > LogisticRegression": lambda: pipeline.make_pipeline(
        preprocessing.KBinsDiscretizer(
            4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"
        ),
        _logistic(),
    ),
    "PolynomialFeatures > RandomForestClassifier": lambda: pipeline.make_pipeline(
        preprocessing.PolynomialFeatures(2),
        ensemble.RandomForestClassifier(6, random_state=0),
    ),
    "SelectKBest > GradientBoostingClassifier": lambda: pipeline.make_pipeline(
        feature_selection.SelectKBest(k=2),
        ensemble.GradientBoostingClassifier(n_estimators=6, random_state=0),
    ),
    "MinMaxScaler > ComplementNB": lambda: pipeline.make_pipeline(
        preprocessing.MinMaxScaler(clip=True), naive_bayes.ComplementNB()
    ),
    "QuantileTransformer > LogisticRegression": lambda: pipeline.make_pipeline(
        preprocessing.QuantileTransformer(n_quantiles=20), _logistic()
    ),
    "PowerTransformer > LogisticRegression": lambda: pipeline.make_pipeline(
        preprocessing.PowerTransformer(), _logistic()
    ),
    "Nystroem > LogisticRegression": lambda: pipeline.make_pipeline(
        kernel_approximation.Nystroem(n_components=10, random_state=0), _logistic()
    ),
}

_ridge = linear_model.Ridge
REGRESSORS: dict[str, C] = {
    "LinearRegression": linear_model.LinearRegression,
    "Ridge": _ridge,
    "RidgeCV": linear_model.RidgeCV,
    "Lasso": linear_model.Lasso,
    "ElasticNet": linear_model.ElasticNet,
    "Lars": linear_model.Lars,
    "BayesianRidge": linear_model.BayesianRidge,
    "ARDRegression": linear_model.ARDRegression,
    "HuberRegressor": lambda: linear_model.HuberRegressor(max_iter=1000),
    "TheilSenRegressor": lambda: linear_model.TheilSenRegressor(
        max_subpopulation=50, random_state=0
    ),
    "QuantileRegressor": linear_model.QuantileRegressor,
    "RANSACRegressor": lambda: linear_model.RANSACRegressor(random_state=0),
    "PoissonRegressor": linear_model.PoissonRegressor,
    "GammaRegressor": linear_model.GammaRegressor,
    "TweedieRegressor": linear_model.TweedieRegressor,
    "SGDRegressor": lambda: linear_model.SGDRegressor(random_state=0),
    "LinearSVR": svm.LinearSVR,
    "SVR": svm.SVR,
    "KernelRidge": kernel_ridge.KernelRidge,
    "PLSRegression": lambda: cross_decomposition.PLSRegression(2),
    "GaussianProcessRegressor": lambda: gaussian_process.GaussianProcessRegressor(
        optimizer=None, alpha=1.0
    ),
    "KNeighborsRegressor": neighbors.KNeighborsRegressor,
    "MLPRegressor": lambda: neural_network.MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=30, random_state=0
    ),
    "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(random_state=0),
    "ExtraTreeRegressor": lambda: tree.ExtraTreeRegressor(random_state=0),
    "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(12, random_state=0),
    "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(12, random_state=0),
    "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(
        n_estimators=12, random_state=0
    ),
    "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(
        max_iter=12, random_state=0
    ),
    "HistGradientBoostingRegressor(gamma)": lambda: ensemble.HistGradientBoostingRegressor(
        max_iter=12, loss="gamma", random_state=0
    ),
    "HistGradientBoostingRegressor(poisson)": lambda: ensemble.HistGradientBoostingRegressor(
        max_iter=12, loss="poisson", random_state=0
    ),
    "AdaBoostRegressor": lambda: ensemble.AdaBoostRegressor(n_estimators=6, random_state=0),
    "BaggingRegressor": lambda: ensemble.BaggingRegressor(n_estimators=6, random_state=0),
    "VotingRegressor": lambda: ensemble.VotingRegressor(
        [("a", _ridge()), ("b", tree.DecisionTreeRegressor(random_state=0))]
    ),
    "StackingRegressor": lambda: ensemble.StackingRegressor(
        [("a", _ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3, random_state=0))], cv=2
    ),
    "TransformedTargetRegressor": lambda: compose.TransformedTargetRegressor(
        _ridge(), func=np.log, inverse_func=np.exp
    ),
    "DummyRegressor": dummy.DummyRegressor,
    "SplineTransformer > Ridge": lambda: pipeline.make_pipeline(
        preprocessing.SplineTransformer(), _ridge()
    ),
}

LABELLERS: dict[str, C] = {
    "KMeans": lambda: cluster.KMeans(3, n_init=1, random_state=0),
    "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(3, n_init=1, random_state=0),
    "Birch": lambda: cluster.Birch(n_clusters=3),
    "GaussianMixture": lambda: mixture.GaussianMixture(2, random_state=0),
    "IsolationForest": lambda: ensemble.IsolationForest(n_estimators=12, random_state=0),
    "OneClassSVM": svm.OneClassSVM,
    "SGDOneClassSVM": lambda: linear_model.SGDOneClassSVM(random_state=0),
}

REFUSED = frozenset({"Birch", "SplineTransformer > Ridge"})
"""Models that neither ONNX nor skops has a safe form of."""

NOT_ONNX = REFUSED | {
    "AdaBoostRegressor",
    "CalibratedClassifierCV(isotonic)",
    "GaussianMixture",
    "GaussianProcessClassifier",
    "KernelRidge",
    "LabelPropagation",
    "NearestCentroid",
    "Nystroem > LogisticRegression",
    "OneVsOneClassifier",
}

ZOO: dict[str, C] = {**CLASSIFIERS, **REGRESSORS, **LABELLERS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one model is served.

    Args:
        model: its name in the zoo.
        steps: what stands before it, or what its rows are.
        served: `onnx`, the library's own form, or `refused` if nothing can be.
        reason: why not ONNX.
        wrong: how its ONNX form differs from the original on rows it was not checked on.
    """

    model: str
    steps: Steps
    served: str
    reason: str = ""
    wrong: tuple[str, ...] = ()


def frame(seed: int, rows: int = ROWS) -> pd.DataFrame:
    """Rows with missing numbers and texts, a text that reads "nan", and rounded numbers."""
    draw = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "age": draw.integers(18, 80, rows),
            "income": np.round(draw.normal(50, 20, rows), 2),
            "plan": draw.choice(["pro", "free", "nan"], rows).astype(object),
            "debt": np.abs(draw.standard_cauchy(rows)),
            "member": draw.random(rows) > 0.5,
        }
    )
    made.loc[:: 9 + seed, "income"] = np.nan
    made.loc[:: 11 + seed, "plan"] = None
    return made


def data_of(steps: Steps, seed: int) -> Any:
    """Reference rows: a matrix, or a frame with missing values, or with a column of categories."""
    made = frame(seed)
    if steps == "columns":
        return made
    if steps == "native":
        plans = pd.Categorical(made["plan"].fillna("free"), categories=["free", "nan", "pro"])
        return made.assign(plan=plans)
    matrix = made[["age", "income", "debt"]].to_numpy(dtype=np.float64)
    return matrix if steps == "missing" else np.nan_to_num(matrix, nan=30.0)


def score_of(seed: int) -> Any:
    """A number for each row that its columns tell."""
    made = frame(seed).fillna({"income": 30.0})
    return made["age"] + made["income"] - 5 * made["debt"].clip(upper=9)


def labels_of(name: str, seed: int) -> Any:
    """What the model is fitted on."""
    score = score_of(seed)
    if name in REGRESSORS:
        return (score - score.min() + 1).to_numpy()
    if name in ("OneVsRestClassifier", "AdaBoostClassifier", "StackingClassifier",
                "HistGradientBoostingClassifier", "ExtraTreesClassifier", "LinearSVC"):  # fmt: skip
        return np.digitize(score, [70, 100])
    return np.where(score > 90, "yes", "no")


def model_of(name: str, steps: Steps) -> Any:
    """A model that is not fitted, with its steps before it."""
    return behind(steps, ZOO[name]())


def behind(steps: Steps, model: Any) -> Any:
    """A model with its steps before it."""
    if steps not in ("scaled", "columns"):
        return model
    if steps == "scaled":
        return pipeline.make_pipeline(preprocessing.StandardScaler(), model)
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    columns = compose.ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income", "debt", "member"]),
            ("plan", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        ],
        sparse_threshold=0.0,
    )
    return pipeline.make_pipeline(columns, model)


def reference_of(data: Any) -> Reference:
    """Reference rows as packaging reads them."""
    signature = Signature(inputs=infer_inputs(data), outputs=())
    return Reference(data, from_frame(signature, data), signature)


@cache
def examine(name: str, steps: Steps) -> Outcome:
    """Fit, export and check one model on rows that its receipt does not hold."""
    with warnings.catch_warnings(), threadpool_limits(1):  # rows are few; threads would only wait
        warnings.simplefilter("ignore")
        model = model_of(name, steps).fit(data_of(steps, 0), labels_of(name, 0))
        return outcome_of(name, steps, model)


def outcome_of(name: str, steps: Steps, model: Any) -> Outcome:
    """Export and check a fitted model."""
    try:
        made = export(model, reference_of(data_of(steps, 0)), allow_pickle=False)
    except ExportError as error:
        return Outcome(name, steps, "refused", str(error))
    if made.runner.kind != "onnx":
        served = "skops" if made.runner.kind == "sklearn" else made.runner.kind
        return Outcome(name, steps, served, " ".join(made.notes))
    return Outcome(name, steps, "onnx", wrong=_wrong(model, made, steps))


def _wrong(model: Any, made: Exported, steps: Steps) -> tuple[str, ...]:
    """How the ONNX form differs on fresh rows: new data, new edges."""
    form: Form = "pandas" if steps in ("columns", "native") else "numpy"
    original = Original(model, form, made.inputs, made.outputs, made.task)
    raw = made.files["model.onnx"]
    assert isinstance(raw, bytes)
    runner = OnnxRunner(raw, made.runner, made.outputs)
    data = data_of(steps, 1)
    batch = from_frame(Signature(inputs=made.inputs, outputs=()), data)
    rows = receipt_rows(original, batch, seed=1)
    expected = original.answer(rows)
    together = compare(expected, runner.predict(rows), made.tolerance)
    few = slice(rows.rows - 8, rows.rows)
    alone = concat([runner.predict(rows.take(slice(i, i + 1))) for i in range(few.start, few.stop)])
    return together + compare(expected.take(few), alone, made.tolerance)


def outcomes() -> Iterator[Outcome]:
    """All of the zoo."""
    for name in ZOO:
        for steps in STEPS:
            yield examine(name, steps)
