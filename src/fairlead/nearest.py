"""The known word that a mistyped one was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LENGTH_MAX = 100
"""Nothing longer is compared: callers make such words up."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word most like another, if any is like it at all.

    Example:
        >>> nearest("agee", ["age", "plan"]), nearest("zebra", ["age", "plan"])
        ('age', None)
    """
    if len(word) > LENGTH_MAX:
        return None
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
