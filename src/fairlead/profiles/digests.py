"""Rows as 40 bits each, the same on every machine, however batches were cut.

A cell becomes 64 bits, and its field's name a factor; a row is the sum of the products, mixed. So
fields can be added one by one, in any order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fairlead.profiles.categories import Coded, code_values
from fairlead.profiles.distinct import mix, text_hash
from fairlead.signature import Column, Scalar

BLOCK_ROWS = 2**15
"""Taken at once: their temporaries stay in the processor's cache."""

DIGEST_BITS = 40
"""A million different rows have, on average, one pair that is taken for the same in two windows."""

Words = npt.NDArray[np.uint64]

_HALF, _ODD = np.uint64(32), np.uint64(1)
_SPARE = np.uint64(64 - DIGEST_BITS)
_MISSING = np.uint64(0x9E3779B97F4A7C15)
_KEPT = re.compile(r"sha256:[0-9a-f]{64} [0-9]+ bytes")
"""What the log says of a picture or a sound, before what it tells of it."""


def no_fields(rows: int) -> Words:
    """What fields are added to, for so many rows."""
    return np.zeros(rows, dtype=np.uint64)


def add_field(sums: Words, name: str, values: Column | Coded) -> None:
    """Add a field to rows.

    Missing values are alike, and -0.0 is 0.0. What is no number or time is compared as text,
    pictures and sound by the digest that the log keeps of them.

    Args:
        sums: from `no_fields`; changed in place.
        name: of the field.
        values: one for each row.
    """
    factor = np.uint64(text_hash(name)) | _ODD
    column = _coded(values)
    if isinstance(column, Coded):
        sums += _times(factor, _dictionary(column.values))[column.codes]
        return
    for start in range(0, len(sums), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        sums[block] += _times(factor, _words(column[block]))


def digest_rows(sums: Words) -> Words:
    """The digest of each row, below 2^40.

    Args:
        sums: of all fields.
    """
    mixed = mix(sums)
    mixed ^= mixed >> _HALF
    mixed >>= _SPARE
    return mixed


def _coded(values: Column | Coded) -> Column | Coded:
    """As a dictionary, if they are single values, and no numbers or times."""
    if isinstance(values, Coded) or values.ndim > 1 or values.dtype.kind in "biufM":
        return values
    lists = {list, np.ndarray} & set(map(type, values.tolist()))
    return values if lists else code_values(values)


def _times(factor: np.uint64, words: Words) -> Words:
    """Spread what is in the upper bits alone, as of small numbers, before it is multiplied."""
    words ^= words >> _HALF
    words *= factor
    return words


def _number_words(values: npt.NDArray[np.generic]) -> Words:
    """The bits of doubles; of a missing one those of minus infinity, -0.0 as 0.0."""
    doubles: npt.NDArray[np.float64] = np.fmax(values, -np.inf, dtype=np.float64)
    doubles += 0.0
    return doubles.view(np.uint64)


def _words(values: Column) -> Words:
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]").view(np.uint64).copy()
    if values.dtype.kind not in "biuf":
        return np.array([_item_word(value) for value in values], dtype=np.uint64)
    return _number_words(values) if values.ndim == 1 else _tensor_words(values)


def _dictionary(values: Sequence[Scalar | bytes]) -> Words:
    """A word for each of them, and one for what is missing: the last, for its code is -1."""
    return np.array([*(text_hash(_said(value)) for value in values), _MISSING], dtype=np.uint64)


def _tensor_words(tensors: Column) -> Words:
    """Of rows of elements, which are told apart by their places as fields are by their names."""
    rows = tensors.reshape(len(tensors), -1)
    factors = mix(np.arange(1, rows.shape[1] + 1, dtype=np.uint64)) | _ODD
    step = max(BLOCK_ROWS // max(rows.shape[1], 1), 1)
    sums = no_fields(len(rows))
    for start in range(0, len(rows), step):
        words = _number_words(rows[start : start + step])
        words ^= words >> _HALF
        sums[start : start + step] = mix(words @ factors)
    return sums


def _item_word(value: object) -> int:
    """Of one row's list, or what stands for it."""
    if value is None:
        return int(_MISSING)
    try:
        return int(_tensor_words(np.asarray(value, dtype=np.float64)[np.newaxis])[0])
    except (ValueError, TypeError):
        return text_hash(str(value))


def _said(value: Scalar | bytes) -> str:
    """A value as text."""
    if isinstance(value, bytes):
        return f"sha256:{hashlib.sha256(value).hexdigest()} {len(value)} bytes"
    whole = isinstance(value, bool | float) and value % 1 == 0
    said = str(int(value) if whole else value)  # True is 1, and 1.0 too
    kept = _KEPT.match(said)
    return said if kept is None else kept[0]
