"""Converters of transformers that take and give numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.table import Table, made, numbers

Transform = Callable[[Any, Table, Graph], Table]


def _steps(graph: Graph, table: Table, *steps: tuple[str, Array | None]) -> Table:
    """Arithmetic with one constant per column, in order; steps without a constant are left out."""
    x = numbers(graph, table)
    for op, values in steps:
        if values is not None:
            x = graph.add(op, x, np.asarray(values, np.float64))
    return made(graph, x, len(table))


def standard_scaler(model: Any, table: Table, graph: Graph) -> Table:
    """Convert StandardScaler: (x - mean) / scale."""
    mean = model.mean_ if model.with_mean else None
    return _steps(graph, table, ("Sub", mean), ("Div", model.scale_ if model.with_std else None))


def robust_scaler(model: Any, table: Table, graph: Graph) -> Table:
    """Convert RobustScaler: (x - center) / scale."""
    center = model.center_ if model.with_centering else None
    return _steps(
        graph, table, ("Sub", center), ("Div", model.scale_ if model.with_scaling else None)
    )


def max_abs_scaler(model: Any, table: Table, graph: Graph) -> Table:
    """Convert MaxAbsScaler."""
    scaled = _steps(graph, table, ("Div", model.scale_))
    return _clip(graph, scaled, -1.0, 1.0) if getattr(model, "clip", False) else scaled


def min_max_scaler(model: Any, table: Table, graph: Graph) -> Table:
    """Convert MinMaxScaler: x * scale + min."""
    scaled = _steps(graph, table, ("Mul", model.scale_), ("Add", model.min_))
    return _clip(graph, scaled, *map(float, model.feature_range)) if model.clip else scaled


def _clip(graph: Graph, table: Table, low: float, high: float) -> Table:
    """Clip, and let missing values stay missing."""
    x = numbers(graph, table)
    clipped = graph.add("Clip", x, low, high)
    return made(graph, graph.add("Where", graph.add("IsNaN", x), x, clipped), len(table))


def normalizer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert Normalizer: each row divided by its norm, unless that is zero."""
    x = numbers(graph, table)
    size = graph.add("Abs", x)
    if model.norm == "max":
        norm = graph.reduce("ReduceMax", size)
    elif model.norm == "l1":
        norm = graph.reduce("ReduceSum", size)
    else:
        norm = graph.add("Sqrt", graph.reduce("ReduceSum", graph.add("Mul", x, x)))
    safe = graph.add("Where", graph.add("Equal", norm, 0.0), 1.0, norm)
    return made(graph, graph.add("Div", x, safe), len(table))


def binarizer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert Binarizer."""
    x = numbers(graph, table)
    return made(graph, graph.binary("Greater", x, float(model.threshold)), len(table))


def discretizer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert KBinsDiscretizer: the number of inner edges at or below the value."""
    x = numbers(graph, table)
    bins = []
    for place, edges in enumerate(model.bin_edges_):
        inner = np.asarray(edges[1:-1], np.float64)
        value = graph.columns(x, [place])
        if len(inner):
            above = graph.binary("GreaterOrEqual", value, inner[None, :])
            bins.append(graph.reduce("ReduceSum", above))
        else:
            bins.append(graph.add("Mul", value, 0.0))
    if model.encode == "ordinal":
        return made(graph, graph.join(bins), len(bins))
    hot = [
        graph.binary("Equal", column, np.arange(count, dtype=np.float64)[None, :])
        for column, count in zip(bins, model.n_bins_, strict=True)
    ]
    return made(graph, graph.join(hot), int(np.sum(model.n_bins_)))


def selector(model: Any, table: Table, _: Graph) -> Table:
    """Convert any selector of columns."""
    return tuple(table[place] for place in model.get_support(indices=True))


def polynomial(model: Any, table: Table, graph: Graph) -> Table:
    """Convert PolynomialFeatures, each product from the left as the original."""
    x = numbers(graph, table)
    columns = []
    for powers in model.powers_:
        places = [place for place, power in enumerate(powers) for _ in range(power)]
        if not places:
            first = graph.columns(x, [0])
            columns.append(graph.binary("Equal", graph.add("Sub", first, first), 0.0))
            continue
        product = graph.columns(x, [places[0]])
        for place in places[1:]:
            product = graph.add("Mul", product, graph.columns(x, [place]))
        columns.append(product)
    return made(graph, graph.join(columns), len(columns))


def power(model: Any, table: Table, graph: Graph) -> Table:
    """Convert PowerTransformer by Yeo and Johnson.

    ((1+x)^l - 1) / l from zero up, -((1-x)^(2-l) - 1) / (2-l) below; logarithms where the
    divisor is zero. Source: Yeo, Johnson: A new family of power transformations, 2000.
    """
    if model.method != "yeo-johnson":
        raise ExportError("A power transformation is that of Box and Cox.")
    x = numbers(graph, table)
    columns = []
    for place, exponent in enumerate(map(float, model.lambdas_)):
        value = graph.columns(x, [place])
        negative = graph.add("Less", value, 0.0)
        size = graph.add("Add", graph.add("Abs", value), 1.0)
        above = _power(graph, size, exponent)
        below = graph.add("Neg", _power(graph, size, 2.0 - exponent))
        columns.append(graph.add("Where", negative, below, above))
    made_table = made(graph, graph.join(columns), len(columns))
    return standard_scaler(model._scaler, made_table, graph) if model.standardize else made_table


def _power(graph: Graph, size: str, exponent: float) -> str:
    if abs(exponent) < np.finfo(np.float64).eps:
        return graph.add("Log", size)
    return graph.add("Div", graph.add("Sub", graph.add("Pow", size, exponent), 1.0), exponent)


def pca(model: Any, table: Table, graph: Graph) -> Table:
    """Convert PCA: X @ components - mean @ components, perhaps whitened."""
    components = model.components_.astype(np.float64)
    moved = graph.add("MatMul", numbers(graph, table), np.ascontiguousarray(components.T))
    if model.mean_ is not None:
        moved = graph.add("Sub", moved, model.mean_.reshape(1, -1) @ components.T)
    if model.whiten:
        scale = np.sqrt(model.explained_variance_)
        smallest = np.finfo(scale.dtype).eps
        moved = graph.add("Div", moved, np.where(scale < smallest, smallest, scale))
    return made(graph, moved, len(components))


def truncated_svd(model: Any, table: Table, graph: Graph) -> Table:
    """Convert TruncatedSVD."""
    components = np.ascontiguousarray(model.components_.T.astype(np.float64))
    return made(graph, graph.add("MatMul", numbers(graph, table), components), components.shape[1])


def numeric_imputer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert SimpleImputer over numbers whose missing value is NaN."""
    if not _is_nan(model.missing_values):
        raise ExportError("An imputer looks for a missing value other than NaN.")
    x = numbers(graph, table)
    statistics = np.asarray(model.statistics_, dtype=np.float64)
    missing = graph.add("IsNaN", x)
    kept = np.flatnonzero(~np.isnan(statistics))
    filled = graph.add("Where", missing, statistics[None, :], x)
    result = made(graph, filled, len(table))
    result = tuple(result[place] for place in kept)
    return (*result, *_indicators(model, graph, missing))


def _indicators(model: Any, graph: Graph, missing: str) -> Table:
    if not model.add_indicator:
        return ()
    places = model.indicator_.features_.tolist()
    if not places:
        return ()
    return made(graph, graph.cast(graph.columns(missing, places), "float64"), len(places))


def missing_indicator(model: Any, table: Table, graph: Graph) -> Table:
    """Convert MissingIndicator over numbers."""
    if not _is_nan(model.missing_values):
        raise ExportError("A missing indicator looks for a value other than NaN.")
    missing = graph.add("IsNaN", numbers(graph, table))
    places = model.features_.tolist()
    return made(graph, graph.cast(graph.columns(missing, places), "float64"), len(places))


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value


FUNCTIONS = {
    "log": "Log",
    "exp": "Exp",
    "sqrt": "Sqrt",
    "absolute": "Abs",
    "negative": "Neg",
    "sign": "Sign",
    "tanh": "Tanh",
}


def function_of(function: Any, graph: Graph, x: str) -> str:
    """Apply a NumPy function that has a form in ONNX.

    Raises:
        ExportError: it has none.
    """
    if function is None:
        return x
    name = getattr(function, "__name__", "")
    if isinstance(function, np.ufunc):
        if name in FUNCTIONS:
            return graph.add(FUNCTIONS[name], x)
        if name == "square":
            return graph.add("Mul", x, x)
        if name == "log1p":
            return graph.add("Log", graph.add("Add", x, 1.0))
        if name == "expm1":
            return graph.add("Sub", graph.add("Exp", x), 1.0)
    raise ExportError(f"The function {name or function!r} has no form in ONNX.")


def function_transformer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert FunctionTransformer of nothing or of a NumPy function."""
    if model.kw_args:
        raise ExportError("A function is given arguments of its own.")
    if model.func is None:
        return table
    return made(graph, function_of(model.func, graph, numbers(graph, table)), len(table))


TRANSFORMS: dict[str, Transform] = {
    "StandardScaler": standard_scaler,
    "RobustScaler": robust_scaler,
    "MaxAbsScaler": max_abs_scaler,
    "MinMaxScaler": min_max_scaler,
    "Normalizer": normalizer,
    "Binarizer": binarizer,
    "KBinsDiscretizer": discretizer,
    "PolynomialFeatures": polynomial,
    "PCA": pca,
    "PowerTransformer": power,
    "TruncatedSVD": truncated_svd,
    "MissingIndicator": missing_indicator,
    "FunctionTransformer": function_transformer,
    **dict.fromkeys(
        ("VarianceThreshold", "SelectKBest", "SelectPercentile", "SelectFromModel", "SelectFdr",
         "SelectFpr", "SelectFwe", "GenericUnivariateSelect", "RFE", "RFECV",
         "SequentialFeatureSelector"),
        selector,
    ),
}  # fmt: skip
