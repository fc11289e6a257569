"""The values of this package: Field, Signature and Batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

FieldKind = Literal[
    "number", "integer", "boolean", "category", "text", "image", "audio", "timestamp", "tensor"
]
Policy = Literal["error", "allow", "impute"]
Task = Literal["classification", "regression", "other"]
Scalar = bool | int | float | str

CACHED_ROWS = 2**11
"""Of a matrix, laid out anew at once: they stay in the processor's cache."""

Numbers = npt.NDArray[np.float64]
Column = npt.NDArray[np.generic]

NUMERIC: frozenset[FieldKind] = frozenset({"number", "integer", "boolean"})


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
            forbid_unknown_fields=True):  # fmt: skip
    """One typed input or output of a model.

    Args:
        name: as callers write it.
        kind: what the values are.
        dtype: NumPy's name of what the model was fitted on or answers with.
        shape: of one row's value, for tensors; -1 where it may vary.
        nullable: whether missing values were seen in the reference data.
        categories: values seen, for categories; the names along the last axis, for an output
            tensor such as probabilities.
        low: smallest value seen, for numbers and integers.
        high: largest value seen, for numbers and integers.
        missing: what happens to a row without a value.
        unknown: what happens to a category that was not seen in the reference data.
        impute: the value put in where a policy is `impute`.
        coerce: whether text such as "12.5" is read as a number.
    """

    name: str
    kind: FieldKind
    dtype: str = "float64"
    shape: tuple[int, ...] = ()
    nullable: bool = False
    categories: tuple[Scalar, ...] | None = None
    low: float | None = None
    high: float | None = None
    missing: Policy = "error"
    unknown: Policy = "error"
    impute: Scalar | None = None
    coerce: bool = False


class Signature(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True,
                forbid_unknown_fields=True):  # fmt: skip
    """What a model takes and what it answers.

    Args:
        inputs: fields in, in the order the model was fitted on.
        outputs: fields out. Classifiers answer `label` and, where they can, `probabilities`;
            regressors `prediction`; ONNX files whatever their graph names.
        task: what kind of answer it is.
        extra: what happens to fields that the signature does not know.
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    task: Task = "other"
    extra: Literal["error", "ignore"] = "error"

    @cached_property
    def numeric(self) -> tuple[Field, ...]:
        """The input fields whose values live in `Batch.numbers`, in its order of columns."""
        return tuple(field for field in self.inputs if field.kind in NUMERIC)


class Batch(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Rows as columns: the one form that data has between a door and a model.

    Numbers, integers and booleans of all rows lie in one matrix, so that a model fitted on a
    matrix gets it without a copy; every other field is a column of its own.

    Args:
        rows: how many there are.
        names: the fields that `numbers` holds, in its order of columns.
        numbers: shape (rows, len(names)), float64, C order; NaN where a value is missing.
        columns: the other fields. Categories and text are object arrays (None where missing),
            images and audio object arrays of bytes, timestamps datetime64[us] (NaT), tensors
            arrays of shape (rows, *field.shape).

    Example:
        >>> batch = Batch(2, ("age",), np.array([[42.0], [7.0]]),
        ...               {"plan": np.array(["pro", None], dtype=object)})
        >>> batch.column("age").tolist(), batch.take(slice(1, 2)).column("plan").tolist()
        ([42.0, 7.0], [None])
    """

    rows: int
    names: tuple[str, ...]
    numbers: Numbers
    columns: Mapping[str, Column]

    def column(self, name: str) -> Column:
        """One field's values, length `rows`.

        Raises:
            KeyError: the batch holds no such field.
        """
        if name in self.columns:
            return self.columns[name]
        if name in self.names:
            return self.numbers[:, self.names.index(name)]
        raise KeyError(name)

    def turned(self) -> Numbers:
        """The numbers of each field in one piece: shape (len(names), rows)."""
        turned = np.empty(self.numbers.shape[::-1])
        for start in range(0, self.rows, CACHED_ROWS):
            block = slice(start, start + CACHED_ROWS)
            turned[:, block] = self.numbers[block].T
        return turned

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Batch:
        """The rows at some places, in that order."""
        numbers = self.numbers[rows]
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Batch(len(numbers), self.names, np.ascontiguousarray(numbers), columns)


def concat(batches: Sequence[Batch]) -> Batch:
    """Join batches of the same fields, one after the other.

    Args:
        batches: at least one; all with the same names and columns.

    Example:
        >>> one = Batch(1, ("a",), np.array([[1.0]]), {})
        >>> concat([one, one]).numbers.tolist()
        [[1.0], [1.0]]
    """
    first = batches[0]
    if len(batches) == 1:
        return first
    columns = {
        name: np.concatenate([batch.columns[name] for batch in batches]) for name in first.columns
    }
    numbers = np.concatenate([batch.numbers for batch in batches])
    return Batch(len(numbers), first.names, numbers, columns)
