"""Answers by their keys, in a bounded space: the one that was asked for longest ago goes first."""

from __future__ import annotations

import sys
from collections import OrderedDict

from fairlead.serving.cache.types import CacheLimits, Kept, Key
from fairlead.signature import Batch

OVERHEAD_BYTES = 720
"""Of an answer beside its arrays: its key, its place, and the objects that hold it."""


class Keep:
    """Remembers answers.

    One that is too old is never given again; it stays until its room is needed, for whoever can
    have no other.

    Args:
        limits: of age and size.

    Attributes:
        size_bytes: of all that is kept.
    """

    def __init__(self, limits: CacheLimits) -> None:
        self._limits = limits
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def fresh(self, key: Key, now_s: float) -> Kept | None:
        """The answer to a row, if there is one that is not too old.

        Args:
            key: of the row.
            now_s: on the monotonic clock.
        """
        kept = self._kept.get(key)
        if kept is None or now_s - kept.made_s >= self._limits.ttl_s:
            return None
        self._kept.move_to_end(key)
        return kept

    def stale(self, key: Key) -> Kept | None:
        """The answer to a row, however old; to ask for it does not make it stay longer."""
        return self._kept.get(key)

    def put(self, key: Key, kept: Kept) -> int:
        """Remember an answer in place of an older one, unless it is larger than all the room.

        Returns:
            How many others had to go.
        """
        before = self._kept.pop(key, None)
        if before is not None:
            self.size_bytes -= before.size_bytes
        if kept.size_bytes > self._limits.size_bytes_max:
            return 0
        self._kept[key] = kept
        self.size_bytes += kept.size_bytes
        gone = 0
        while self.size_bytes > self._limits.size_bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self.size_bytes -= oldest.size_bytes
            gone += 1
        return gone


def kept_of(answers: Batch, place: int, made_s: float) -> Kept:
    """One row of answers, to be kept without the others.

    Args:
        answers: of rows that ran together.
        place: of the row among them.
        made_s: when they were made, on the monotonic clock.
    """
    row = slice(place, place + 1)
    columns = {name: column[row].copy() for name, column in answers.columns.items()}
    outputs = Batch(1, answers.names, answers.numbers[row].copy(), columns)
    return Kept(outputs, made_s, _size_bytes(outputs))


def _size_bytes(outputs: Batch) -> int:
    """What an answer takes; texts that several share are counted for each."""
    size = OVERHEAD_BYTES + sys.getsizeof(outputs.numbers)
    for column in outputs.columns.values():
        size += sys.getsizeof(column)
        if column.dtype == object:
            size += sum(map(sys.getsizeof, column.ravel().tolist()))
    return size
