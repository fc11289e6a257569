"""From a fitted model to nodes of a graph: which converter takes which part.

Only exact classes of scikit-learn and of the boosting libraries are converted: a subclass may do
something else.
"""

from __future__ import annotations

from typing import Any

from fairlead.errors import ExportError
from fairlead.packaging.export import encoders, kernels, linear, scaling, trees, words
from fairlead.packaging.export.answer import Answer
from fairlead.packaging.export.borrow import borrow_predictor, borrow_transform
from fairlead.packaging.export.catboost import PREDICTORS as CATBOOST
from fairlead.packaging.export.classes import classes_of
from fairlead.packaging.export.ensembles import META
from fairlead.packaging.export.graph import Graph
from fairlead.packaging.export.lightgbm import PREDICTORS as LIGHTGBM
from fairlead.packaging.export.table import Column, Table
from fairlead.packaging.export.xgboost import PREDICTORS as XGBOOST
from fairlead.packaging.export.xgboost import without_zeros
from fairlead.runners.libraries import library_of

PREDICTORS = {
    **trees.PREDICTORS,
    **linear.PREDICTORS,
    **kernels.PREDICTORS,
    **XGBOOST,
    **LIGHTGBM,
    **CATBOOST,
}
TRANSFORMS = {**scaling.TRANSFORMS, **encoders.TRANSFORMS, **words.TRANSFORMS}
SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")


def predictor(model: Any, table: Table, graph: Graph) -> Answer:
    """Convert a model that predicts.

    Raises:
        ExportError: a part of it has no exact form; says which and why.
    """
    kind = _kind(model)
    if kind in SEARCHES:
        return predictor(model.best_estimator_, table, graph)
    if kind == "Pipeline":
        for _, step in model.steps[:-1]:
            table = transform(step, table, graph)
        last = model.steps[-1][1]
        if (
            library_of(last) == "xgboost"
            and len(model.steps) > 1
            and _is_sparse(model.steps[-2][1])
        ):
            table = without_zeros(table, graph)
        return predictor(last, table, graph)
    _check_names(model, table)
    if kind in META:
        return META[kind](model, table, graph, predictor)
    if kind in PREDICTORS:
        return PREDICTORS[kind](model, table, graph)
    return borrow_predictor(model, table, graph, classes_of(model))


def transform(model: Any, table: Table, graph: Graph) -> Table:
    """Convert a step that transforms.

    Raises:
        ExportError: it, or a part of it, has no exact form.
    """
    if model is None or isinstance(model, str):
        return () if model == "drop" else table
    kind = _kind(model)
    if kind == "Pipeline":
        for _, step in model.steps:
            table = transform(step, table, graph)
        return table
    if kind == "ColumnTransformer":
        return _column_transformer(model, table, graph)
    if kind == "FeatureUnion":
        return _feature_union(model, table, graph)
    _check_names(model, table)
    if kind in TRANSFORMS:
        return TRANSFORMS[kind](model, table, graph)
    return borrow_transform(model, table, graph)


def _kind(model: Any) -> str:
    module = type(model).__module__
    if not module.startswith("sklearn.") and library_of(model) is None:
        raise ExportError(f"{type(model).__name__} of {module} is not of scikit-learn.")
    return type(model).__name__


def _is_sparse(step: Any) -> bool:
    """Whether a step makes a sparse matrix."""
    made = getattr(step, "sparse_output_", getattr(step, "sparse_output", False))
    return bool(made)


def _check_names(model: Any, table: Table) -> None:
    """A step is given the columns that it was fitted on, in that order."""
    expected = getattr(model, "n_features_in_", len(table))
    if expected != len(table):
        raise ExportError(
            f"{type(model).__name__} takes {expected} columns and is given {len(table)}."
        )


def _column_transformer(model: Any, table: Table, graph: Graph) -> Table:
    fitted = _as_fitted(model, table)
    found: list[Column] = []
    for name, step, _ in model.transformers_:
        places = model._transformer_to_input_indices[name]
        if len(places) and not (isinstance(step, str) and step == "drop"):
            found += transform(step, tuple(fitted[place] for place in places), graph)
    return tuple(found)


def _as_fitted(model: Any, table: Table) -> Table:
    """The columns in the order of fitting: found by name where there are names."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        if len(table) != model.n_features_in_:
            raise ExportError("A ColumnTransformer is given another number of columns.")
        return table
    by_name = {column.name: column for column in table if column.name}
    try:
        return tuple(by_name[str(name)] for name in names)
    except KeyError:
        raise ExportError("A ColumnTransformer selects columns by names a step made.") from None


def _feature_union(model: Any, table: Table, graph: Graph) -> Table:
    weights = model.transformer_weights or {}
    found: list[Column] = []
    for name, step in model.transformer_list:
        if weights.get(name, 1) != 1:
            raise ExportError("A FeatureUnion weighs its parts.")
        found += transform(step, table, graph)
    return tuple(found)
