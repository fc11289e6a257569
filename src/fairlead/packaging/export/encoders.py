"""Converters of transformers that see text or categories.

An encoder's answer depends on one column's category alone, so that the fitted encoder itself is
asked for it, once per category and once for an unseen one; the graph looks the rows up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.bundle.types import MISSING_TEXT
from fairlead.errors import ExportError
from fairlead.packaging.export.graph import ML, Array, Graph
from fairlead.packaging.export.scaling import Transform, numeric_imputer
from fairlead.packaging.export.table import Column, Table, made, numbers, text

UNSEEN = "\u241funseen"
"""A category that no data holds."""


def encoder(model: Any, table: Table, graph: Graph) -> Table:
    """Convert OneHotEncoder, OrdinalEncoder or TargetEncoder."""
    found: list[Column] = []
    for place, column in enumerate(table):
        categories = list(model.categories_[place])
        rows = _rows(model, place, categories, column, any(c.text for c in table))
        index = (_text_index if column.text else _number_index)(graph, column, categories)
        looked_up = graph.add("Gather", rows, index, axis=0)
        found += made(graph, looked_up, rows.shape[1])
    return tuple(found)


def _rows(model: Any, place: int, categories: list[Any], column: Column, any_text: bool) -> Array:
    """What the encoder makes of each category of a column and, last, of an unseen one."""
    raises = getattr(model, "handle_unknown", "ignore") == "error"
    if raises and not column.text:
        raise ExportError("An encoder refuses numbers that it has not seen, which ONNX cannot.")
    probes = [*categories, categories[0] if raises else _unseen(categories, column)]
    others = [known[0] for known in model.categories_]
    frame = np.empty((len(probes), len(others)), dtype=object)
    for other, value in enumerate(others):
        frame[:, other] = value
    frame[:, place] = probes
    if not any_text:
        frame = frame.astype(np.float64)
    encoded = model.transform(frame)
    dense = np.asarray(encoded.todense() if hasattr(encoded, "todense") else encoded)
    return _share(model, place, dense.astype(np.float64))


def _unseen(categories: list[Any], column: Column) -> Any:
    if column.text:
        return UNSEEN
    return max((float(c) for c in categories if c == c), default=0.0) + 1.0


def _share(model: Any, place: int, dense: Array) -> Array:
    """The columns of the answer that one column of the input decides."""
    widths = _widths(model)
    start = sum(widths[:place])
    return np.ascontiguousarray(dense[:, start : start + widths[place]])


def _widths(model: Any) -> list[int]:
    count = len(model.categories_)
    if type(model).__name__ == "OneHotEncoder":
        return [int(width) for width in model._n_features_outs]
    if type(model).__name__ == "TargetEncoder":
        return [len(model.encodings_) // count] * count
    return [1] * count


def _text_index(graph: Graph, column: Column, categories: list[Any]) -> str:
    """The place of each text among the categories; the next one after them if unseen."""
    keys, places = [], []
    for place, category in enumerate(categories):
        if isinstance(category, str):
            if category == MISSING_TEXT:
                raise ExportError("A category is the text that stands for missing ones.")
            keys.append(category)
        elif is_same_missing(category, column):
            keys.append(MISSING_TEXT)
        elif _is_missing(category):
            continue  # the form of missing that this column never holds
        else:
            raise ExportError(f"The categories of '{column.name}' are not all text.")
        places.append(place)
    index = graph.add(
        "LabelEncoder",
        text(graph, column),
        domain=ML,
        keys_strings=[key.encode() for key in keys],
        values_int64s=places,
        default_int64=len(categories),
    )
    return graph.flat(index)


def _number_index(graph: Graph, column: Column, categories: list[Any]) -> str:
    """The place of each number among the categories; the next one after them if unseen."""
    values = np.array(categories, dtype=np.float64)
    x = numbers(graph, (column,))
    equal = graph.binary("Equal", x, values[None, :])
    if np.isnan(values).any():
        nan = np.isnan(values).astype(np.float64)[None, :]
        missing = graph.cast(graph.add("IsNaN", x), "float64")
        equal = graph.add("Add", equal, graph.add("Mul", missing, nan))
    unseen = graph.add("Sub", 1.0, graph.reduce("ReduceMax", equal))
    return graph.argmax(graph.join([equal, unseen]))


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def is_same_missing(value: object, column: Column) -> bool:
    """Whether a missing value is the one that stands in this column."""
    return _is_missing(value) and (value is None) == (column.missing == "none")


def imputer(model: Any, table: Table, graph: Graph) -> Table:
    """Convert SimpleImputer, over numbers or over text."""
    if not any(column.text for column in table):
        return numeric_imputer(model, table, graph)
    if model.add_indicator:
        raise ExportError("An imputer of text adds indicators of what was missing.")
    found = []
    for column, fill in zip(table, model.statistics_, strict=True):
        if not column.text or not isinstance(fill, str) or fill == MISSING_TEXT:
            raise ExportError("An imputer mixes text and numbers.")
        found.append(_filled(model, column, fill, graph))
    return tuple(found)


def _filled(model: Any, column: Column, fill: str, graph: Graph) -> Column:
    wanted = model.missing_values
    strings = text(graph, column)
    if isinstance(wanted, str):
        mask = graph.add("Equal", strings, np.array([[wanted]], dtype=object))
    elif is_same_missing(wanted, column):
        mask = graph.add("Equal", strings, np.array([[MISSING_TEXT]], dtype=object))
    else:
        return column
    filled = graph.add("Where", mask, np.array([[fill]], dtype=object), strings)
    graph.widths[filled] = 1
    return Column(filled, 0, text=True, missing=column.missing)


TRANSFORMS: dict[str, Transform] = {
    "OneHotEncoder": encoder,
    "OrdinalEncoder": encoder,
    "TargetEncoder": encoder,
    "SimpleImputer": imputer,
}
