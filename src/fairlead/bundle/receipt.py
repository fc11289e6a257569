"""The parity receipt: rows, the original model's answers to them, and how to compare with it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.bundle.types import Tolerance
from fairlead.errors import BundleError
from fairlead.signature import Batch, Column

ROWS_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a loaded model must reproduce before it is ready.

    Args:
        inputs: rows of the reference data, and rows made to be awkward.
        outputs: the original model's answers to them.
    """

    inputs: Batch
    outputs: Batch


class _Column(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    values: list[Any]


class _Columns(msgspec.Struct, frozen=True):
    rows: int
    numbers: dict[str, list[float | None]]
    columns: dict[str, _Column]


class _Receipt(msgspec.Struct, frozen=True):
    inputs: _Columns
    outputs: _Columns


def encode_receipt(receipt: Receipt) -> bytes:
    """Write a receipt as JSON: doubles to the last bit, null for missing numbers."""
    return msgspec.json.encode(_Receipt(_pack(receipt.inputs), _pack(receipt.outputs)))


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt back.

    Raises:
        BundleError: it is none.
    """
    try:
        read = msgspec.json.decode(raw, type=_Receipt)
        return Receipt(_unpack(read.inputs), _unpack(read.outputs))
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise BundleError("The receipt in the bundle cannot be read.") from None


def _pack(batch: Batch) -> _Columns:
    numbers: dict[str, list[float | None]] = {
        name: [None if np.isnan(v) else float(v) for v in batch.numbers[:, place]]
        for place, name in enumerate(batch.names)
    }
    return _Columns(batch.rows, numbers, {n: _pack_column(c) for n, c in batch.columns.items()})


def _pack_column(column: Column) -> _Column:
    flat = column.ravel()
    if column.dtype.kind == "M":
        return _Column(column.dtype.str, column.shape, flat.astype(np.int64).tolist())
    values: list[Any] = flat.tolist()
    if any(isinstance(value, bytes) for value in values):
        written = [None if value is None else base64.b64encode(value).decode() for value in values]
        return _Column("bytes", column.shape, written)
    return _Column("object" if column.dtype.hasobject else column.dtype.str, column.shape, values)


def _unpack(raw: _Columns) -> Batch:
    names = tuple(raw.numbers)
    numbers = np.array([raw.numbers[name] for name in names], dtype=np.float64)
    columns = {name: _unpack_column(column) for name, column in raw.columns.items()}
    matrix = np.ascontiguousarray(numbers.reshape(len(names), raw.rows).T)
    return Batch(raw.rows, names, matrix, columns)


def _unpack_column(raw: _Column) -> Column:
    if raw.dtype in ("object", "bytes"):
        values = raw.values
        if raw.dtype == "bytes":
            values = [None if value is None else base64.b64decode(value) for value in values]
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column.reshape(raw.shape)
    if np.dtype(raw.dtype).kind == "M":
        return np.array(raw.values, np.int64).view(raw.dtype).reshape(raw.shape)
    return np.array(raw.values, dtype=raw.dtype).reshape(raw.shape)


def compare(expected: Batch, got: Batch, tolerance: Tolerance) -> tuple[str, ...]:
    """How answers differ from those expected, in words.

    Args:
        expected: the original's answers.
        got: the answers to compare.
        tolerance: for numbers in tensors and of kind number; all else must be equal. Whole
            numbers that are expected, such as class labels, must be equal, too.

    Returns:
        One sentence for each field that differs; none if nothing does.

    Example:
        >>> one = Batch(1, ("prediction",), np.array([[1.5]]), {})
        >>> two = Batch(1, ("prediction",), np.array([[1.6]]), {})
        >>> compare(one, one, Tolerance()), compare(one, two, Tolerance())
        ((), ('prediction differs in 1 of 1 rows (row 0), by up to 0.1',))
    """
    found = []
    for name in (*expected.names, *expected.columns):
        try:
            sentence = _compare_column(name, expected.column(name), got.column(name), tolerance)
        except KeyError:
            sentence = f"{name} is not answered"
        if sentence:
            found.append(sentence)
    return tuple(found)


def _compare_column(name: str, want: Column, have: Column, tolerance: Tolerance) -> str:
    if want.shape != have.shape:
        return f"{name} has shape {have.shape} instead of {want.shape}"
    if want.dtype.kind not in "fiu":
        unequal = [
            place for place, pair in enumerate(zip(want, have, strict=True)) if _unequal(*pair)
        ]
        return _sentence(name, unequal, len(want), "")
    expected, got = want.astype(np.float64), have.astype(np.float64)
    gap = np.where(np.isnan(expected) & np.isnan(got), 0.0, np.abs(expected - got))
    gap = np.where(expected == got, 0.0, gap)  # infinities
    bad = ~(gap <= tolerance.absolute + tolerance.relative * np.abs(expected))
    if want.ndim == 1 and bool(np.all(expected == np.rint(expected))):
        bad = gap != 0
    rows = np.flatnonzero(bad.reshape(len(want), -1).any(axis=1)).tolist()
    worst = float(np.nanmax(gap)) if gap.size else 0.0
    return _sentence(name, rows, len(want), f", by up to {worst:.3g}")


def _unequal(want: object, have: object) -> bool:
    return bool(np.any(np.asarray(want) != np.asarray(have)))


def _sentence(name: str, rows: Sequence[int], total: int, detail: str) -> str:
    if not rows:
        return ""
    named = ", ".join(str(row) for row in rows[:ROWS_NAMED_MAX])
    more = ", …" if len(rows) > ROWS_NAMED_MAX else ""
    word = "row" if len(rows) == 1 else "rows"
    return f"{name} differs in {len(rows)} of {total} rows ({word} {named}{more}){detail}"


Mask = npt.NDArray[np.bool_]


def differing_rows(expected: Batch, got: Batch, tolerance: Tolerance) -> Mask:
    """Which rows differ, (rows,), by the same rules as `compare`."""
    return np.array(
        [
            bool(
                compare(
                    expected.take(slice(row, row + 1)), got.take(slice(row, row + 1)), tolerance
                )
            )
            for row in range(expected.rows)
        ]
    )
