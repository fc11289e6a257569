"""Which fields the outputs of an ONNX graph become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairlead.bundle.types import TensorOutput
from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Array
from fairlead.signature import Field, Scalar, Task

PREDICTIONS = ("variable", "prediction", "predictions")
CLASS_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a graph answers.

    Args:
        fields: of the signature.
        tensors: which output becomes which field.
        task: what kind of answer it is.
        double: whether all numbers are doubles or whole.
    """

    fields: tuple[Field, ...]
    tensors: tuple[TensorOutput, ...]
    task: Task
    double: bool


def name_outputs(model: Any, answers: Mapping[str, Any], rows: int) -> Outputs:
    """Name what a graph answers.

    Args:
        model: the graph and all.
        answers: by output, for some rows.
        rows: how many.

    Raises:
        ExportError: an output is not a tensor, or has not one entry per row.
    """
    for name, values in answers.items():
        if not isinstance(values, np.ndarray):
            raise ExportError(
                f"Output '{name}' of the graph is not a tensor but a list of maps.",
                hint="Convert the model with zipmap=False.",
            )
        if values.ndim == 0 or len(values) != rows:
            raise ExportError(f"Output '{name}' of the graph has not one entry per row.")
    double = all(v.dtype not in (np.float32, np.float16) for v in answers.values())
    names = list(answers)
    task: Task = "other"
    fields: tuple[Field, ...]
    if len(names) == 2 and _is_label(answers[names[0]]) and _is_share(answers[names[1]], names[1]):
        task, fields = "classification", _classes(model, *answers.values())
    elif len(names) == 1 and names[0] in PREDICTIONS and answers[names[0]].dtype.kind == "f":
        task, fields = "regression", (field_like("prediction", answers[names[0]]),)
    else:
        fields = tuple(field_like(name, values) for name, values in answers.items())
    tensors = tuple(
        TensorOutput(name=name, field=field.name) for name, field in zip(names, fields, strict=True)
    )
    return Outputs(fields, tensors, task, double)


def _is_label(values: Array) -> bool:
    return values.size == len(values) and values.dtype.kind in "iOU"


def _is_share(values: Array, name: str) -> bool:
    return values.ndim == 2 and values.dtype.kind == "f" and "prob" in name.lower()


def _classes(model: Any, labels: Array, shares: Array) -> tuple[Field, ...]:
    width = shares.shape[1]
    names = _class_names(model, labels, width)
    seen = names or tuple(sorted(set(labels.ravel().tolist())))
    dtype = "object" if labels.dtype.kind in "OU" else labels.dtype.name
    label = Field(name="label", kind="category", dtype=dtype, categories=seen)
    probabilities = Field(
        name="probabilities", kind="tensor", dtype=shares.dtype.name, shape=(width,),
        categories=names,
    )  # fmt: skip
    return label, probabilities


def _class_names(model: Any, labels: Array, width: int) -> tuple[Scalar, ...] | None:
    """The classes in the order of the probabilities, if that is known."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in CLASS_LABELS:
                texts = tuple(text.decode() for text in attribute.strings)
                listed: tuple[Scalar, ...] = texts or tuple(attribute.ints)
                if len(listed) == width and set(labels.ravel().tolist()) <= set(listed):
                    return listed
    seen = sorted(set(labels.ravel().tolist()))
    if labels.dtype.kind == "i" and set(seen) <= set(range(width)):
        return tuple(range(width))
    return tuple(seen) if len(seen) == width else None


def field_like(name: str, values: Array) -> Field:
    """A field like an output, (rows, ...): one value per row, or a tensor."""
    dtype = "object" if values.dtype.kind in "OU" else values.dtype.name
    if values.size == len(values) and values.ndim <= 2:
        kinds = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}
        kind: Any = kinds.get(values.dtype.kind, "text")
        return Field(name=name, kind=kind, dtype=dtype)
    return Field(name=name, kind="tensor", dtype=dtype, shape=values.shape[1:])
