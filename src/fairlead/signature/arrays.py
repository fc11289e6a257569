"""From arrays to a batch: one array per field, or one matrix for all; fast where they are plain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fairlead.signature.columns import imputed
from fairlead.signature.frame import from_frame, from_table, read_at_once
from fairlead.signature.read import INTEGER_LIMIT
from fairlead.signature.tables import RawColumn, Table
from fairlead.signature.types import NUMERIC, Batch, Column, Numbers, Signature


class ArrayReader:
    """Reads batches of one signature from arrays, whole columns at a time.

    Whatever is not plainly right is read again by the exact path, which accepts it after all
    (a missing value where one may be) or says all that is wrong.

    Args:
        signature: what the rows must fit.

    Example:
        >>> from fairlead.signature import Field
        >>> fields = (Field(name="age", kind="number"), Field(name="plan", kind="text"))
        >>> reader = ArrayReader(Signature(inputs=fields, outputs=()))
        >>> plans = np.array(["pro", "free"], dtype=object)
        >>> batch = reader.columns(2, {"plan": plans, "age": np.array([42, 7], np.int8)})
        >>> batch.numbers.tolist(), batch.columns["plan"].tolist()
        ([[42.0], [7.0]], ['pro', 'free'])
    """

    def __init__(self, signature: Signature) -> None:
        numeric = signature.numeric
        self._signature = signature
        self._names = tuple(field.name for field in numeric)
        self._known = frozenset(field.name for field in signature.inputs)
        self._others = tuple(field for field in signature.inputs if field.kind not in NUMERIC)
        self._integers = [i for i, field in enumerate(numeric) if field.kind == "integer"]
        self._booleans = [i for i, field in enumerate(numeric) if field.kind == "boolean"]
        self._kinds = {f.name: "biuf" if f.kind == "boolean" else "iuf" for f in numeric}
        self._imputed = [
            (i, cast(float, imputed(f))) for i, f in enumerate(numeric) if f.missing == "impute"
        ]
        self._strict = np.array([field.missing == "error" for field in numeric], dtype=bool)

    def matrix(self, values: npt.NDArray[Any]) -> Batch:
        """Read a matrix whose columns are the fields in the signature's order.

        Args:
            values: shape (rows, fields).

        Raises:
            InputError: something is wrong; names every row and field, up to a bounded list.
        """
        plain = values.dtype.kind in "iuf" and values.size and not self._others
        if plain and values.shape[1] == len(self._names):
            numbers = np.array(values, dtype=np.float64, order="C")
            if self._accept(numbers):
                return Batch(len(numbers), self._names, numbers, {})
        return from_frame(self._signature, values)

    def columns(self, rows: int, columns: Mapping[str, npt.NDArray[Any]]) -> Batch:
        """Read one array for each field.

        Args:
            rows: how many there are.
            columns: by field name, each of length `rows`; tensors with their shape.

        Raises:
            InputError: something is wrong; names every row and field, up to a bounded list.
        """
        batch = self._columns(rows, columns)
        if batch is not None:
            return batch
        raw = {name: RawColumn(name, array, array.dtype.name) for name, array in columns.items()}
        return from_table(self._signature, Table(rows, raw))

    def _columns(self, rows: int, columns: Mapping[str, npt.NDArray[Any]]) -> Batch | None:
        if not rows or self._known != columns.keys():
            return None
        numbers: Numbers = np.empty((rows, len(self._names)), dtype=np.float64)
        for place, name in enumerate(self._names):
            if columns[name].dtype.kind not in self._kinds[name]:
                return None
            numbers[:, place] = columns[name]
        if not self._accept(numbers):
            return None
        others: dict[str, Column] = {}
        for field in self._others:
            column = read_at_once(field, columns[field.name])
            if column is None:
                return None
            others[field.name] = column
        return Batch(rows, self._names, numbers, others)

    def _accept(self, numbers: Numbers) -> bool:
        """Whether all numbers are as their fields want them; puts in what is imputed.

        The sum of squares is finite only if every number is. It overflows where one is beyond
        1e154, too, which then passes on the longer way.
        """
        if not math.isfinite(np.vdot(numbers, numbers)):
            if np.isinf(numbers).any() or np.isnan(numbers[:, self._strict]).any():
                return False
            for place, value in self._imputed:
                column = numbers[:, place]
                column[np.isnan(column)] = value
        return _all_whole(numbers, self._integers) and _all_boolean(numbers, self._booleans)


def _all_whole(numbers: Numbers, places: list[int]) -> bool:
    """Missing values pass: no comparison holds for NaN."""
    if not places:
        return True
    whole = numbers[:, places]
    return not ((np.abs(whole - np.rint(whole)) > 0) | (np.abs(whole) >= INTEGER_LIMIT)).any()


def _all_boolean(numbers: Numbers, places: list[int]) -> bool:
    if not places:
        return True
    flags = numbers[:, places]
    return bool(((flags == 0.0) | (flags == 1.0) | np.isnan(flags)).all())
