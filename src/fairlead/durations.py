"""Stretches of time as people write them in rules: `90s`, `10m`, `6h`, `3d`."""

from __future__ import annotations

import re

_UNITS_S = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"([0-9]{1,9})([smhd])")

PATTERN = r"^[0-9]{1,9}[smhd]$"
"""What one looks like, for types."""


def read_duration(text: str) -> float | None:
    """A stretch of time in seconds; None if the text is none.

    Example:
        >>> read_duration("10m"), read_duration("soon")
        (600.0, None)
    """
    found = _WRITTEN.fullmatch(text)
    return None if found is None else float(int(found[1]) * _UNITS_S[found[2]])


def write_duration(seconds: float) -> str:
    """A stretch of time in the largest unit that divides it.

    Example:
        >>> write_duration(21_600), write_duration(90)
        ('6h', '90s')
    """
    for unit, length_s in _UNITS_S.items():
        if seconds >= length_s and seconds % length_s == 0:
            return f"{seconds / length_s:.0f}{unit}"
    return f"{seconds:g}s"


def about(seconds: float) -> str:
    """A stretch of time as people say it, exact where that is short.

    Example:
        >>> about(86_400), about(200_000), about(0.25)
        ('1d', '2.31d', '250ms')
    """
    exact = write_duration(seconds)
    if len(exact) <= 3 and "." not in exact:
        return exact
    for unit, length_s in _UNITS_S.items():
        if seconds >= length_s:
            return f"{seconds / length_s:.3g}{unit}"
    return f"{seconds * 1e3:.3g}ms"
