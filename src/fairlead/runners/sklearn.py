"""Runs a scikit-learn model itself, where it has no exact form in ONNX."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fairlead.bundle import RunnerSpec
from fairlead.errors import BundleError, ModelError
from fairlead.runners.extras import not_installed
from fairlead.runners.frame import make_frame
from fairlead.signature import Batch, Column, Field, Signature

VETTED = frozenset(
    {
        "builtins.object",
        "catboost.core.CatBoostClassifier",
        "catboost.core.CatBoostRanker",
        "catboost.core.CatBoostRegressor",
        "collections.OrderedDict",
        "functools.partial",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "sklearn._loss._loss.CyAbsoluteError",
        "sklearn._loss._loss.CyExponentialLoss",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfGammaLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfPoissonLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss._loss.CyHalfTweedieLoss",
        "sklearn._loss._loss.CyHalfTweedieLossIdentity",
        "sklearn._loss._loss.CyHuberLoss",
        "sklearn._loss._loss.CyPinballLoss",
        "sklearn._loss.link.HalfLogitLink",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.ExponentialLoss",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfGammaLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn._loss.loss.HuberLoss",
        "sklearn._loss.loss.PinballLoss",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.CompoundKernel",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.DotProduct",
        "sklearn.gaussian_process.kernels.ExpSineSquared",
        "sklearn.gaussian_process.kernels.Exponentiation",
        "sklearn.gaussian_process.kernels.Hyperparameter",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.PairwiseKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.RationalQuadratic",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._dist_metrics.ChebyshevDistance64",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRanker",
        "xgboost.sklearn.XGBRegressor",
    }
)
"""Types and functions beyond those that skops itself trusts, by their full names.

All are plain data or pure functions of scikit-learn's, or models of the boosting libraries, which
read their state with their own parsers. `functools.partial` is harmless because what it would call
is audited by its own name.
"""

_ADAPTERS = tuple(
    f"sklearn.externals.array_api_compat.{library}" for library in ("cupy", "dask", "torch")
)


def import_skops() -> Any:
    """`skops.io`, and nothing of PyTorch.

    To learn the names of all estimators skops has every package within scikit-learn imported, and
    of those the adapters of other libraries' arrays import these libraries, if they are installed:
    seconds and hundreds of megabytes that no model needs.
    """
    absent = [name for name in _ADAPTERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # so that import fails
    try:
        import skops.io
    finally:
        for name in absent:
            sys.modules.pop(name, None)
    return skops.io


def untrusted_types(raw: bytes) -> tuple[str, ...]:
    """The types in a skops file that are not vetted, sorted.

    Raises:
        BundleError: it is no skops file.
    """
    skops = import_skops()
    try:
        found = skops.get_untrusted_types(data=raw)
    except Exception as error:
        raise _unreadable(error) from error
    return tuple(sorted(set(found) - VETTED))


def load_skops(raw: bytes) -> object:
    """Load a model, of vetted types only.

    Raises:
        BundleError: it is no skops file, or holds a type that is not vetted.
        ModelError: a library that it holds types of is not installed.
    """
    skops = import_skops()
    refused = untrusted_types(raw)
    if refused:
        raise BundleError(
            f"The model holds types that are not vetted: {', '.join(refused[:5])}.",
            hint="Only plain types of scikit-learn, NumPy and SciPy are loaded.",
        )
    try:
        loaded: object = skops.loads(raw, trusted=sorted(VETTED))
    except ModuleNotFoundError as error:
        raise not_installed((error.name or "a library").partition(".")[0]) from None
    except Exception as error:
        raise _unreadable(error) from error
    return loaded


def _unreadable(error: Exception) -> BundleError:
    return BundleError(f"The skops model cannot be read ({type(error).__name__}).")


def answer(model: Any, outputs: Sequence[Field], frame: Any) -> Batch:
    """Ask a scikit-learn model.

    Args:
        model: fitted.
        outputs: what is asked: `label`, `probabilities` or `prediction`.
        frame: rows in the form that it was fitted on.

    Returns:
        Its answers as the output fields.
    """
    numbers: dict[str, Column] = {}
    columns: dict[str, Column] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for field in outputs:
            asked = model.predict_proba if field.name == "probabilities" else model.predict
            got = np.asarray(asked(frame))
            if field.kind == "number":
                numbers[field.name] = got.reshape(len(got)).astype(np.float64)
            elif field.kind == "tensor":
                columns[field.name] = got.reshape(len(got), *field.shape).astype(np.float64)
            else:
                columns[field.name] = as_objects(got)
    return assemble_answer(numbers, columns)


def as_objects(values: Any) -> Column:
    """Labels as a column of Python's own values."""
    column = np.empty(len(values), dtype=object)
    column[:] = values.reshape(len(values)).tolist()
    return column


def assemble_answer(numbers: dict[str, Column], columns: dict[str, Column]) -> Batch:
    """A batch of numbers by name and of other columns."""
    rows = len(next(iter((*numbers.values(), *columns.values()))))
    matrix = np.empty((rows, len(numbers)), dtype=np.float64)
    for place, values in enumerate(numbers.values()):
        matrix[:, place] = values
    return Batch(rows, tuple(numbers), matrix, columns)


class SklearnRunner:
    """Runs the model itself, on data in the form that it was fitted on.

    Args:
        model: loaded, fitted.
        spec: how it is executed.
        signature: what it takes and answers.
    """

    blocking = False

    def __init__(self, model: object, spec: RunnerSpec, signature: Signature) -> None:
        self._model: object | None = model
        self._spec = spec
        self._signature = signature

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the model failed, or is closed.
        """
        if self._model is None:
            raise ModelError("The model is closed.")
        try:
            frame = make_frame(self._signature.inputs, batch, self._spec.frame)
            return answer(self._model, self._signature.outputs, frame)
        except Exception as error:
            raise ModelError(f"The model failed ({type(error).__name__}).") from error

    def process_id(self) -> int:
        """It has no process of its own."""
        return 0

    def close(self) -> None:
        """Let the model go."""
        self._model = None
