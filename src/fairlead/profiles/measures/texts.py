"""Of texts: how long they are, and how many of their words are strange."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import chain

import numpy as np

from fairlead.profiles.categories import Tally
from fairlead.profiles.words import WORDS_MAX, WordFilter, encode_words
from fairlead.signature import Column, Numbers, Scalar

_words = re.compile(r"\w+").findall


def reference_words(column: Column) -> bytes:
    """A filter that knows the most frequent words of some texts."""
    texts = (_words(text.casefold()) for text in column.tolist() if isinstance(text, str))
    return encode_words(word for word, _ in Counter(chain(*texts)).most_common(WORDS_MAX))


def measure_texts(column: Column, known: bytes) -> dict[str, Numbers | Tally]:
    """Characters, words, the share of unknown words, and whether a text is empty.

    Args:
        column: text, or None where it is missing.
        known: from `reference_words`.
    """
    holds = WordFilter(known).holds
    texts = [value if isinstance(value, str) else None for value in column.tolist()]
    numbers = np.array([_measure(text, holds) for text in texts], dtype=np.float64).reshape(-1, 3)
    empty: dict[Scalar | None, int] = {}
    for text in texts:
        blank = None if text is None else not text.strip()
        empty[blank] = empty.get(blank, 0) + 1
    return {
        "characters": numbers[:, 0],
        "words": numbers[:, 1],
        "unknown": numbers[:, 2],
        "empty": empty,
    }


def _measure(text: str | None, holds: Callable[[str], bool]) -> tuple[float, float, float]:
    if text is None:
        return np.nan, np.nan, np.nan
    words = _words(text.casefold())
    unknown = len(words) - sum(map(holds, words))
    return len(text), len(words), unknown / len(words) if words else np.nan
