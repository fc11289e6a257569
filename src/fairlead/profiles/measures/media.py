"""Pictures and sound as columns hold them: bytes, or what the sealed log kept of them."""

from __future__ import annotations

import re

import numpy as np

from fairlead.signature import Column, Numbers

_described = re.compile(r"sha256:[0-9a-f]{64} (\d+) bytes").fullmatch


def sizes(column: Column) -> Numbers:
    """Size of each value in bytes; NaN where it is missing."""
    return np.array([_size_bytes(value) for value in column.tolist()], dtype=np.float64)


def bytes_of(column: Column) -> list[bytes | None] | None:
    """The values, or None if the column holds descriptions of them."""
    values = column.tolist()
    if any(isinstance(value, str) for value in values):
        return None
    return [value if isinstance(value, bytes) else None for value in values]


def _size_bytes(value: object) -> float:
    if isinstance(value, bytes):
        return len(value)
    found = _described(value) if isinstance(value, str) else None
    return float(found[1]) if found else np.nan
