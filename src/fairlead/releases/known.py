"""Who was seen before, as hashes: in a bounded space, however many they are.

Once there are too many, half of all who will ever be are left out, by their hash, and half of those
again: who is left in is a sample by chance, and the same one at every look.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

MOST = 100_000
"""That are remembered, in 0.8 MB: what can be told of so many needs no more."""


class Known(msgspec.Struct, frozen=True):
    """Who was seen.

    Args:
        hashes: of 8 bytes each, in order, as they lie in memory.
        halvings: how often half of all were left out.
    """

    hashes: bytes = b""
    halvings: int = 0


def hashed(texts: Iterable[str]) -> Hashes:
    """Units, or ids, as numbers by which they are known again."""
    raw = (blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(raw), np.uint64)


def admitted(known: Known, hashes: Hashes) -> Flags:
    """Who is not left out."""
    return np.asarray(hashes <= np.uint64(2 ** (64 - known.halvings) - 1))


def first(known: Known, hashes: Hashes) -> Flags:
    """Who was never seen before, each once: where it comes first.

    Example:
        >>> who = hashed(["ann", "bob", "ann"])
        >>> first(add(Known(), who[1:2]), who).tolist()
        [True, False, False]
    """
    new = np.zeros(hashes.size, np.bool_)
    new[np.unique(hashes, return_index=True)[1]] = True
    seen = np.frombuffer(known.hashes, np.uint64)
    return new & admitted(known, hashes) & ~np.isin(hashes, seen)


def add(known: Known, hashes: Hashes) -> Known:
    """Remember more of them; where they become too many, only half of all."""
    both = np.union1d(np.frombuffer(known.hashes, np.uint64), hashes[admitted(known, hashes)])
    halvings = known.halvings
    while both.size > MOST:
        halvings += 1
        both = both[admitted(Known(halvings=halvings), both)]
    return Known(both.tobytes(), halvings)
