"""By what rows are known again: a digest of their inputs, as they are after validation.

Two rows have one digest if, and but for an accident of 1 in 2^128 only if, a model cannot tell
them apart: all values are equal bit by bit, of the same type, in the same field. So 0.0 and -0.0,
1 and true, a missing text and an empty one are different; every NaN is the same, since all that it
says is that a value is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.signature import Batch

DIGEST_BYTES = 16

_encode = msgspec.msgpack.Encoder().encode


def digests(batch: Batch, secret: bytes) -> list[bytes] | None:
    """The digest of each row.

    Args:
        batch: rows that fit a signature.
        secret: at most 64 bytes; without it nobody can look for rows that share a digest.

    Returns:
        16 bytes for each row; None if there are values that cannot be written down, such as half
        of a surrogate pair: such rows are known by nothing.

    Example:
        >>> batch = Batch(3, ("x",), np.array([[1.0], [2.0], [1.0]]), {})
        >>> one, two, three = digests(batch, b"secret")
        >>> one == three, one == two
        (True, False)
    """
    columns = sorted(batch.columns.items())
    fixed = [_bytes(batch.numbers)] if batch.names else []
    listed: list[list[list[Any]]] = []
    for _, column in columns:
        if column.dtype == object:
            listed.append(column.reshape(batch.rows, -1).tolist())
        else:
            fixed.append(_bytes(column))
    shapes = tuple((name, column.dtype.str, column.shape[1:]) for name, column in columns)
    start = _start(batch.names, shapes, secret)
    try:
        return [_digest(start, fixed, listed, row) for row in range(batch.rows)]
    except (TypeError, ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def _start(names: tuple[str, ...], shapes: tuple[Any, ...], secret: bytes) -> blake2b:
    """What the digests of all rows of one form begin with: after it every length is known."""
    return blake2b(repr((names, shapes)).encode(), digest_size=DIGEST_BYTES, key=secret)


def _digest(
    start: blake2b, fixed: Sequence[Sequence[bytes]], listed: Sequence[list[list[Any]]], row: int
) -> bytes:
    state = start.copy()
    for some in fixed:
        state.update(some[row])
    if listed:
        state.update(_encode([values[row] for values in listed]))
    return state.digest()


def _bytes(values: npt.NDArray[Any]) -> list[bytes]:
    """Each row's values as they lie in memory."""
    if values.dtype.kind in "fc":
        missing = np.isnan(values)
        if missing.any():
            values = np.where(missing, values.dtype.type(np.nan), values)
    raw, rows = values.tobytes(), len(values)
    size = len(raw) // rows if rows else 0
    return (
        [raw[start : start + size] for start in range(0, len(raw), size)] if size else [b""] * rows
    )
