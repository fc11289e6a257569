"""Configurations of the boosting libraries, each on data with missing values and in pipelines."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from zoo import ROWS, Outcome, Steps, behind, data_of, outcome_of, score_of

from fairlead.runners.libraries import Library

Target = Literal["two", "words", "three", "values", "positive", "several", "ranks"]
STEPS: tuple[Steps, ...] = ("missing", "scaled", "columns")


@dataclass(frozen=True, slots=True)
class Booster:
    """One configuration.

    Args:
        library: it is of.
        make: an estimator of the library, which is not fitted.
        target: what it is fitted on.
        why: a word of the reason for which ONNX does not serve it; empty where it does.
        native: whether it is given a column of categories.
    """

    library: Library
    make: Callable[[Any], Any]
    target: Target
    why: str = ""
    native: bool = False


def _xgboost(kind: str, target: Target, why: str = "", **settings: Any) -> Booster:
    native = settings.get("enable_categorical", False)
    settings = {"n_estimators": 12, "n_jobs": 1, **settings}
    return Booster("xgboost", lambda lib: getattr(lib, kind)(**settings), target, why, native)


def _lightgbm(kind: str, target: Target, why: str = "", **settings: Any) -> Booster:
    native = settings.pop("native", False)
    settings = {"n_estimators": 12, "min_child_samples": 5, "n_jobs": 1, "verbose": -1, **settings}
    return Booster("lightgbm", lambda lib: getattr(lib, kind)(**settings), target, why, native)


def _catboost(kind: str, target: Target, why: str = "", **settings: Any) -> Booster:
    native = "cat_features" in settings
    settings = {
        "iterations": 12,
        "depth": 4,
        "verbose": 0,
        "allow_writing_files": False,
        "thread_count": 1,
        **settings,
    }
    return Booster("catboost", lambda lib: getattr(lib, kind)(**settings), target, why, native)


BOOSTERS: dict[str, Booster] = {
    "XGBClassifier": _xgboost("XGBClassifier", "two"),
    "XGBClassifier(several classes)": _xgboost("XGBClassifier", "three"),
    "XGBClassifier(exact)": _xgboost("XGBClassifier", "two", tree_method="exact", gamma=0.5),
    "XGBClassifier(early stopping)": _xgboost(
        "XGBClassifier", "two", n_estimators=60, early_stopping_rounds=2
    ),
    "XGBClassifier(dart)": _xgboost("XGBClassifier", "three", booster="dart", rate_drop=0.5),
    "XGBClassifier(categories)": _xgboost(
        "XGBClassifier", "two", "sets of categories", enable_categorical=True
    ),
    "XGBClassifier(hinge)": _xgboost(
        "XGBClassifier", "two", "binary:hinge", objective="binary:hinge"
    ),
    "XGBRFClassifier": _xgboost("XGBRFClassifier", "two"),
    "XGBRegressor": _xgboost("XGBRegressor", "values"),
    "XGBRegressor(several targets)": _xgboost("XGBRegressor", "several"),
    "XGBRegressor(vector leaves)": _xgboost(
        "XGBRegressor", "several", "several numbers", multi_strategy="multi_output_tree"
    ),
    "XGBRegressor(poisson)": _xgboost("XGBRegressor", "positive", objective="count:poisson"),
    "XGBRegressor(gamma)": _xgboost("XGBRegressor", "positive", objective="reg:gamma"),
    "XGBRegressor(tweedie)": _xgboost("XGBRegressor", "positive", objective="reg:tweedie"),
    "XGBRegressor(logistic)": _xgboost("XGBRegressor", "two", objective="reg:logistic"),
    "XGBRegressor(quantiles)": _xgboost(
        "XGBRegressor", "values", objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]
    ),
    "XGBRegressor(dart)": _xgboost("XGBRegressor", "values", booster="dart", rate_drop=0.5),
    "XGBRegressor(missing=30)": _xgboost("XGBRegressor", "values", missing=30),
    "XGBRegressor(linear)": _xgboost("XGBRegressor", "values", "linear", booster="gblinear"),
    "XGBRanker": _xgboost("XGBRanker", "ranks"),
    "LGBMClassifier": _lightgbm("LGBMClassifier", "words"),
    "LGBMClassifier(several classes)": _lightgbm("LGBMClassifier", "three"),
    "LGBMClassifier(one against all)": _lightgbm(
        "LGBMClassifier", "three", objective="multiclassova"
    ),
    "LGBMClassifier(early stopping)": _lightgbm(
        "LGBMClassifier", "words", n_estimators=60, early_stopping_round=2
    ),
    "LGBMClassifier(forest)": _lightgbm(
        "LGBMClassifier", "words", boosting_type="rf", subsample=0.7, subsample_freq=1
    ),
    "LGBMClassifier(categories)": _lightgbm(
        "LGBMClassifier",
        "words",
        "sets of categories",
        native=True,
        min_data_per_group=5,
        cat_smooth=1,
    ),
    "LGBMRegressor": _lightgbm("LGBMRegressor", "values"),
    "LGBMRegressor(zero is missing)": _lightgbm("LGBMRegressor", "values", zero_as_missing=True),
    "LGBMRegressor(missing is zero)": _lightgbm("LGBMRegressor", "values", use_missing=False),
    "LGBMRegressor(poisson)": _lightgbm("LGBMRegressor", "positive", objective="poisson"),
    "LGBMRegressor(gamma)": _lightgbm("LGBMRegressor", "positive", objective="gamma"),
    "LGBMRegressor(tweedie)": _lightgbm("LGBMRegressor", "positive", objective="tweedie"),
    "LGBMRegressor(quantile)": _lightgbm("LGBMRegressor", "values", objective="quantile"),
    "LGBMRegressor(square root)": _lightgbm("LGBMRegressor", "values", reg_sqrt=True),
    "LGBMRegressor(dart)": _lightgbm("LGBMRegressor", "values", boosting_type="dart"),
    "LGBMRegressor(linear leaves)": _lightgbm(
        "LGBMRegressor", "values", "linear functions", linear_tree=True
    ),
    "LGBMRanker": _lightgbm("LGBMRanker", "ranks"),
    "CatBoostClassifier": _catboost("CatBoostClassifier", "words"),
    "CatBoostClassifier(several classes)": _catboost("CatBoostClassifier", "three"),
    "CatBoostClassifier(one against all)": _catboost(
        "CatBoostClassifier", "three", loss_function="MultiClassOneVsAll"
    ),
    "CatBoostClassifier(early stopping)": _catboost(
        "CatBoostClassifier", "words", iterations=60, early_stopping_rounds=2
    ),
    "CatBoostClassifier(leaf by leaf)": _catboost(
        "CatBoostClassifier", "three", grow_policy="Lossguide"
    ),
    "CatBoostClassifier(categories)": _catboost(
        "CatBoostClassifier",
        "words",
        "the text of 'plan'",
        cat_features=["plan"],
        one_hot_max_size=1,
    ),
    "CatBoostRegressor": _catboost("CatBoostRegressor", "values"),
    "CatBoostRegressor(missing is great)": _catboost("CatBoostRegressor", "values", nan_mode="Max"),
    "CatBoostRegressor(poisson)": _catboost(
        "CatBoostRegressor", "positive", loss_function="Poisson"
    ),
    "CatBoostRegressor(several targets)": _catboost(
        "CatBoostRegressor", "several", loss_function="MultiRMSE"
    ),
    "CatBoostRegressor(uncertainty)": _catboost(
        "CatBoostRegressor", "values", "RMSEWithUncertainty", loss_function="RMSEWithUncertainty"
    ),
    "CatBoostRanker": _catboost("CatBoostRanker", "ranks"),
}


def steps_of(name: str) -> tuple[Steps, ...]:
    """What a configuration is tried with; columns only where there are no settings."""
    if BOOSTERS[name].native:
        return ("native",)
    return STEPS[:2] if "(" in name else STEPS


def labels_of(target: Target, seed: int) -> Any:
    """What a configuration is fitted on."""
    score = score_of(seed).to_numpy()
    match target:
        case "two" | "ranks":
            return (score > 90).astype(int)
        case "words":
            return np.where(score > 90, "yes", "no")
        case "three":
            return np.digitize(score, [70, 100])
        case "values":
            return score
        case "positive":
            return score - score.min() + 1
        case "several":
            return np.column_stack([score, score**2 / 100])


def fitted(name: str, steps: Steps) -> Any:
    """A model with its steps before it."""
    config = BOOSTERS[name]
    model = config.make(import_module(config.library))
    rows, labels = data_of(steps, 0), labels_of(config.target, 0)
    whole = behind(steps, model)
    settings: dict[str, Any] = {}
    if config.target == "ranks":
        settings = _groups(config.library)
    elif "early" in name:
        given = rows if whole is model else whole[:-1].fit(rows).transform(rows)
        settings["eval_set"] = [(given[::2], labels[::2])]
        if config.library == "xgboost":
            settings["verbose"] = False
    if whole is not model:
        settings = {f"{whole.steps[-1][0]}__{key}": value for key, value in settings.items()}
    return whole.fit(rows, labels, **settings)


def _groups(library: Library) -> dict[str, Any]:
    """Which rows are ranked together, in the words of each library."""
    sizes = [ROWS // 8] * 8
    ids = np.repeat(np.arange(8), sizes)
    named = {"xgboost": ("qid", ids), "lightgbm": ("group", sizes), "catboost": ("group_id", ids)}
    return dict([named[library]])


@cache
def examine(name: str, steps: Steps) -> Outcome:
    """Fit, export and check one configuration on rows that its receipt does not hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries, about rows without names
        return outcome_of(name, steps, fitted(name, steps))


def outcomes() -> Iterator[Outcome]:
    """All configurations, whose libraries must be installed."""
    for name in BOOSTERS:
        for steps in steps_of(name):
            yield examine(name, steps)
