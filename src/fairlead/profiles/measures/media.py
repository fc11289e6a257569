"""Pictures and sound as columns hold them: bytes, or what the sealed log kept of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from fairlead.signature import Column, Numbers

UNREADABLE = "unreadable"

_described = re.compile(r"sha256:[0-9a-f]{64} (\d+) bytes(?:; (.+))?").fullmatch

Said = Mapping[str, str]
"""Measures by name, as the log has them; none of what cannot be read."""


def write_measures(measures: Mapping[str, float | str | None]) -> str:
    """Measures as the log keeps them; those that are not known are left out.

    Example:
        >>> write_measures({"width": 640.0, "mode": "RGB", "sharpness": float("nan")})
        'width=640 mode=RGB'
    """
    known = {name: value for name, value in measures.items() if value is not None}
    written = (
        f"{name}={value if isinstance(value, str) else format(value, '.6g')}"
        for name, value in known.items()
        if value == value
    )
    return " ".join(written) or UNREADABLE


def read_measures(column: Column) -> list[Said]:
    """What the log kept of those that were measured, and nothing of those that are missing."""
    found: list[Said] = []
    for value in column.tolist():
        told = _described(value) if isinstance(value, str) else None
        if told is not None and told[2]:
            pairs = (word.partition("=") for word in told[2].split() if "=" in word)
            found.append({name: text for name, _, text in pairs})
        elif value is None:
            found.append({})
    return found


def numbers_of(said: list[Said], name: str) -> Numbers:
    """One measure of each; NaN where it is not known."""
    return np.array([_number(each.get(name)) for each in said], dtype=np.float64)


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


def _number(text: str | None) -> float:
    try:
        return np.nan if text is None else float(text)
    except ValueError:
        return np.nan
