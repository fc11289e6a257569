"""The parity receipt: rows, the original model's answers to them, and how to compare with it."""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.bundle.types import Proof, Tolerance
from fairlead.errors import BundleError
from fairlead.signature import Batch, Column

ROWS_NAMED_MAX = 5

Mask = npt.NDArray[np.bool_]


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


Number = float | Literal["inf", "-inf"] | None  # JSON has no infinity


class _Columns(msgspec.Struct, frozen=True):
    rows: int
    numbers: dict[str, list[Number]]
    columns: dict[str, _Column]


class _Receipt(msgspec.Struct, frozen=True):
    inputs: _Columns
    outputs: _Columns


def encode_receipt(receipt: Receipt) -> bytes:
    """Write a receipt as JSON: doubles to the last bit, null for NaN, infinities as text."""
    return msgspec.json.encode(_Receipt(_pack(receipt.inputs), _pack(receipt.outputs)))


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt back.

    Raises:
        BundleError: it is none.
    """
    try:
        read = msgspec.json.decode(raw, type=_Receipt)
        return Receipt(_unpack(read.inputs), _unpack(read.outputs))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError):
        raise BundleError("The receipt in the bundle cannot be read.") from None


def _pack(batch: Batch) -> _Columns:
    numbers = {
        name: _written(batch.numbers[:, place].tolist()) for place, name in enumerate(batch.names)
    }
    return _Columns(batch.rows, numbers, {n: _pack_column(c) for n, c in batch.columns.items()})


def _written(values: list[Any]) -> list[Any]:
    """Numbers in JSON's words: NaN is null, an infinity its name."""

    def written(value: Any) -> Any:
        if not isinstance(value, float) or math.isfinite(value):
            return value
        return None if math.isnan(value) else str(value)

    return [written(value) for value in values]


def _pack_column(column: Column) -> _Column:
    flat = column.ravel()
    if column.dtype.kind == "M":
        return _Column(column.dtype.str, column.shape, flat.astype(np.int64).tolist())
    values: list[Any] = flat.tolist()
    if any(isinstance(value, bytes) for value in values):
        written = [None if value is None else base64.b64encode(value).decode() for value in values]
        return _Column("bytes", column.shape, written)
    if column.dtype.hasobject:
        return _Column("object", column.shape, values)
    return _Column(column.dtype.str, column.shape, _written(values))


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
    differs, worst = _differences(want, have, tolerance)
    detail = f", by up to {worst:.3g}" if worst else ""
    return _sentence(name, np.flatnonzero(differs).tolist(), len(want), detail)


def _differences(want: Column, have: Column, tolerance: Tolerance) -> tuple[Mask, float]:
    """Which rows of two columns of one shape differ, and by how much the worst does.

    Missing values are equal to each other, and an infinity to itself alone.
    """
    if want.dtype.kind != "f" or have.dtype.kind not in "fiu":
        pairs = zip(want, have, strict=True)
        return np.array([_unequal(*pair) for pair in pairs], dtype=np.bool_), 0.0
    expected, got = want.astype(np.float64), have.astype(np.float64)
    equal = (expected == got) | (np.isnan(expected) & np.isnan(got))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.where(equal, 0.0, np.abs(expected - got))
        near = gap <= tolerance.absolute + tolerance.relative * np.abs(expected)
    whole = want.ndim == 1 and bool(np.all(expected == np.rint(expected)))
    differs = ~equal if whole else ~(equal | (near & np.isfinite(gap)))
    worst = float(np.max(gap, initial=0.0, where=~np.isnan(gap)))
    return differs.any(axis=tuple(range(1, differs.ndim))), worst


def _unequal(want: object, have: object) -> bool:
    one, two = np.asarray(want), np.asarray(have)
    if one.shape != two.shape:
        return True
    both_missing = (one != one) & (two != two)  # NaN and NaT are unequal to themselves
    return bool(np.any((one != two) & ~both_missing))


def _sentence(name: str, rows: Sequence[int], total: int, detail: str) -> str:
    if not rows:
        return ""
    named = ", ".join(str(row) for row in rows[:ROWS_NAMED_MAX])
    more = ", …" if len(rows) > ROWS_NAMED_MAX else ""
    word = "row" if len(rows) == 1 else "rows"
    return f"{name} differs in {len(rows)} of {total} rows ({word} {named}{more}){detail}"


def differing_rows(expected: Batch, got: Batch, tolerance: Tolerance) -> Mask:
    """Which rows differ, (rows,), by the same rules as `compare`."""
    rows = np.zeros(expected.rows, dtype=np.bool_)
    for name in (*expected.names, *expected.columns):
        try:
            want, have = expected.column(name), got.column(name)
        except KeyError:
            return ~np.zeros_like(rows)
        rows |= _differences(want, have, tolerance)[0] if want.shape == have.shape else True
    return rows


def measure(expected: Batch, got: Batch, tolerance: Tolerance) -> Proof:
    """How far answers are from those expected, by the same rules as `compare`.

    Example:
        >>> one = Batch(2, ("prediction",), np.array([[1.5], [2.0]]), {})
        >>> two = Batch(2, ("prediction",), np.array([[1.5], [2.25]]), {})
        >>> measure(one, two, Tolerance(absolute=0.5))
        Proof(rows=2, differing=0, worst={'prediction': 0.25})
    """
    worst: dict[str, float] = {}
    for name in (*expected.names, *expected.columns):
        want = expected.column(name)
        with contextlib.suppress(KeyError):
            have = got.column(name)
            if want.shape == have.shape and want.dtype.kind == "f":
                gap = _differences(want, have, tolerance)[1]
                worst |= {name: gap} if math.isfinite(gap) else {}
    differing = int(differing_rows(expected, got, tolerance).sum())
    return Proof(rows=expected.rows, differing=differing, worst=worst)
