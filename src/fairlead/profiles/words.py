"""Which words a reference holds, in a bounded number of bytes: a Bloom filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fairlead.profiles.distinct import text_hash

WORDS_MAX = 1024
WORD_BITS = 8
HASHES = 5


class WordFilter:
    """Says of a word whether it was among some: a true yes always, a false yes in 2 %.

    Bloom (1970), "Space/time trade-offs in hash coding with allowable errors", with 8 bits and
    5 hashes a word.

    Args:
        raw: from `encode_words`; empty knows no word.

    Example:
        >>> known = WordFilter(encode_words(["red", "green"]))
        >>> known.holds("red"), known.holds("blue")
        (True, False)
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._known: dict[str, bool] = {}

    def holds(self, word: str) -> bool:
        """Whether a word is known."""
        found = self._known.get(word)
        if found is None:
            raw = self._raw
            places = _places(word, len(raw) * 8) if raw else iter(())
            found = bool(raw) and all(raw[place >> 3] >> (place & 7) & 1 for place in places)
            self._known[word] = found
        return found


def encode_words(words: Iterable[str]) -> bytes:
    """The bytes of a filter, one for each word and 16 at least.

    Args:
        words: distinct; the first 1024 of them are taken.
    """
    taken = list(words)[:WORDS_MAX]
    if not taken:
        return b""
    raw = bytearray(max(len(taken) * WORD_BITS // 8, 16))
    for word in taken:
        for place in _places(word, len(raw) * 8):
            raw[place >> 3] |= 1 << (place & 7)
    return bytes(raw)


def _places(word: str, bits: int) -> Iterator[int]:
    """Kirsch and Mitzenmacher (2006): two hashes make as many as are needed."""
    mixed = text_hash(word)
    first, second = mixed & 0xFFFFFFFF, mixed >> 32 | 1
    return ((first + turn * second) % bits for turn in range(HASHES))
