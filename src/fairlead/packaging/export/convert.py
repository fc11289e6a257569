"""A scikit-learn model as an ONNX model: inputs, steps, answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.bundle import RunnerSpec, TensorInput
from fairlead.bundle.types import TensorOutput
from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer
from fairlead.packaging.export.classes import classes_of
from fairlead.packaging.export.graph import Array, Graph
from fairlead.packaging.export.original import Original
from fairlead.packaging.export.steps import predictor
from fairlead.packaging.export.table import Column, Table, TextMissing
from fairlead.signature import NUMERIC, Field

NUMBERS = "numbers"
PAYLOAD = "model.onnx"


def convert(original: Original) -> tuple[bytes, RunnerSpec]:
    """Convert a model; whether it is equal to the original is for the receipt to say.

    Raises:
        ExportError: a part of it has no exact form in ONNX.
    """
    graph = Graph()
    table, inputs = _inputs(graph, original.inputs)
    try:
        answer = predictor(original.model, table, graph)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ExportError(f"A part is not as expected ({type(error).__name__}: {error}).") from None
    outputs = _outputs(graph, answer, original)
    spec = RunnerSpec(kind="onnx", path=PAYLOAD, inputs=inputs, outputs=outputs)
    return graph.model(), spec


def _inputs(graph: Graph, fields: tuple[Field, ...]) -> tuple[Table, tuple[TensorInput, ...]]:
    """One matrix of all numbers, and one column of each text."""
    names = tuple(field.name for field in fields if field.kind in NUMERIC)
    given: list[TensorInput] = []
    if names:
        graph.input(NUMBERS, "float64", [None, len(names)])
        graph.widths[NUMBERS] = len(names)
        given.append(TensorInput(name=NUMBERS, fields=names))
    rounded = {f.name for f in fields if f.kind in NUMERIC and f.dtype == "float32"}
    single = ""
    if rounded:
        single = graph.cast(graph.cast(NUMBERS, "float32"), "float64")
        graph.widths[single] = len(names)
    columns: list[Column] = []
    for place, field in enumerate(fields):
        if field.name in names:
            tensor = single if field.name in rounded else NUMBERS
            columns.append(Column(tensor, names.index(field.name), field.name))
        else:
            name = f"text_{place}"
            columns.append(_text_input(graph, name, field))
            given.append(TensorInput(name=name, fields=(field.name,), dtype="object"))
    return tuple(columns), tuple(given)


def _text_input(graph: Graph, name: str, field: Field) -> Column:
    if field.kind not in ("category", "text"):
        raise ExportError(f"Field '{field.name}' of kind {field.kind} has no form in ONNX.")
    if not all(isinstance(value, str) for value in field.categories or ()):
        raise ExportError(f"The categories of field '{field.name}' are not all text.")
    graph.input(name, "object", [None, 1])
    graph.widths[name] = 1
    missing: TextMissing = "nan" if field.dtype in ("str", "category") else "none"
    return Column(name, 0, field.name, True, missing)


def _outputs(graph: Graph, answer: Answer, original: Original) -> tuple[TensorOutput, ...]:
    made: list[TensorOutput] = []
    for field in original.outputs:
        tensor, dtype, shape = _output(graph, answer, field, classes_of(original.model))
        graph.output(tensor, field.name, dtype, shape)
        made.append(TensorOutput(name=field.name, field=field.name))
    return tuple(made)


def _output(
    graph: Graph, answer: Answer, field: Field, classes: Array | None
) -> tuple[str, str, list[Any]]:
    """The tensor of one output field, its type and its shape."""
    if field.name == "label":
        assert classes is not None
        labels = classes.astype(object) if classes.dtype.kind in "OU" else classes
        if labels.dtype == object and not all(isinstance(label, str) for label in labels):
            raise ExportError("The classes are of several types.")
        dtype = "object" if labels.dtype == object else labels.dtype.name
        return graph.add("Gather", labels, answer.index, axis=0), dtype, [None]
    if field.name == "probabilities":
        if not answer.probabilities:
            raise ExportError("Its probabilities have no exact form in ONNX.")
        return answer.probabilities, "float64", [None, *field.shape]
    width = int(np.prod(field.shape, dtype=int))
    return answer.values, "float64", [None, width]
