"""The fields of a signature as one matrix of numbers inside a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.bundle import TensorInput
from fairlead.bundle.types import MISSING_TEXT
from fairlead.compress.distil.types import COLUMNS_MAX
from fairlead.errors import ExportError
from fairlead.packaging.export.graph import ML, Graph
from fairlead.signature import NUMERIC, Batch, Field

NUMBERS = "numbers"


def matrix_graph(
    fields: tuple[Field, ...], rows: Batch
) -> tuple[Graph, tuple[TensorInput, ...], str]:
    """A graph that turns rows into a matrix in single precision.

    Numbers and truth values are columns, each category is one that is 1 where it is given, and
    tensors of numbers are laid flat.

    Args:
        fields: that are given.
        rows: whose categories are known, where a field lists none.

    Returns:
        The graph, what feeds it, and the matrix's tensor.

    Raises:
        ExportError: a field is of a kind that a student does not read.
    """
    graph, given, parts = Graph(), [], []
    names = tuple(field.name for field in fields if field.kind in NUMERIC)
    if names:
        graph.input(NUMBERS, "float64", [None, len(names)])
        given.append(TensorInput(name=NUMBERS, fields=names))
        parts.append(graph.cast(NUMBERS, "float32"))
    width = len(names)
    for place, field in enumerate(fields):
        if field.name in names:
            continue
        name = f"field_{place}"
        tensor, dtype, columns = _read(graph, name, field, rows)
        given.append(TensorInput(name=name, fields=(field.name,), dtype=dtype))
        parts.append(tensor)
        width += columns
    if width > COLUMNS_MAX:
        raise ExportError(f"A student would read {width} columns, more than {COLUMNS_MAX}.")
    return graph, tuple(given), graph.join(parts)


def _read(graph: Graph, name: str, field: Field, rows: Batch) -> tuple[str, str, int]:
    """A field's columns, the type of its input, and how many columns."""
    if field.kind == "category":
        return _one_hot(graph, name, field, rows)
    if field.kind == "tensor" and field.dtype != "object" and -1 not in field.shape:
        graph.input(name, field.dtype, [None, *field.shape])
        flat = graph.add("Flatten", graph.cast(name, "float32"), axis=1)
        return flat, field.dtype, int(np.prod(field.shape, dtype=int))
    raise ExportError(
        f"Field '{field.name}' of kind {field.kind} is nothing that a student reads; it reads "
        "numbers, truth values, categories and tensors of one shape."
    )


def _one_hot(graph: Graph, name: str, field: Field, rows: Batch) -> tuple[str, str, int]:
    seen: list[Any] = rows.column(field.name).tolist()
    known = set(field.categories or ()) | {value for value in seen if value is not None}
    if not all(isinstance(value, str) for value in known):
        raise ExportError(f"The categories of field '{field.name}' are not all text.")
    keys = sorted(map(str, known)) + [MISSING_TEXT] * (None in seen)
    graph.input(name, "object", [None, 1])
    index = graph.add(
        "LabelEncoder", name, domain=ML, keys_strings=[str(key).encode() for key in keys],
        values_int64s=list(range(len(keys))), default_int64=-1,
    )  # fmt: skip
    equal = graph.add("Equal", index, np.arange(len(keys))[None, :])
    return graph.cast(equal, "float32"), "object", len(keys)
