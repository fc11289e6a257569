"""Compaction: the many small files of a past day become few."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.sealer import write_segment
from fairlead.predictionlog.segments import SEGMENTS, Segment, segment_key
from fairlead.predictionlog.tables import union
from fairlead.records import Kind
from fairlead.store import Blobs, Delete, Put, Store, Stored

GRACE_US = 3_600_000_000
MERGE_BYTES = 64 * 1024 * 1024
"""In memory, of the rows that are merged at once; Parquet takes a fraction of it."""


class Garbage(msgspec.Struct, frozen=True):
    """A file that no record names any more, and when it may go.

    Args:
        blob: its key.
        due_us: until then a reader with an older list may still open it.
    """

    blob: str
    due_us: int


GARBAGE = Kind("garbage", Garbage)


class Compactor:
    """Merges segments of past days, and deletes what they were merged from.

    Small files become files of up to `MERGE_BYTES`, so that memory stays bounded however much
    a day holds. What a sealer or compactor wrote before it was killed, and never recorded, is
    noted when it is found and deleted an hour later, if it is still in no record by then: a
    living one records what it wrote within moments, and one that takes up its work again writes
    the file anew.

    Args:
        store: of the records.
        blobs: of the files.
        clock: tells which days are past.
        is_read: whether a segment, by its record's key, was read by who reads each one once.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        clock: Clock,
        is_read: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._is_read = is_read
        self._attempts = Attempts(clock, "Files of {} cannot be merged")
        self._search_us = 0

    def tick(self) -> None:
        """Merge what can be merged; delete what is due.

        Raises:
            StorageError: a file cannot be read or written; all others are merged.
        """
        now_us = self._clock.now_us()
        if now_us >= self._search_us:
            self._search_us = now_us + GRACE_US
            self._condemn(now_us)
        self._delete_due(now_us)
        today = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y-%m-%d")
        past = [s for s in self._store.scan(SEGMENTS) if s.value.day < today and self._is_due(s)]
        places = set()
        for place, group in groupby(past, _place):
            places.add(place)
            self._attempts.attempt(place, partial(self._merge_all, list(group), now_us))
        self._attempts.settle(places)

    def _is_due(self, stored: Stored[Segment]) -> bool:
        """Whether nobody has still to read it by itself, now or to find ids."""
        segment = stored.value
        return segment.merged or (segment.ids is None and self._is_read(stored.key))

    def _condemn(self, now_us: int) -> None:
        """Note the files that no record names."""
        found = self._blobs.keys("log/")  # first, so that what is recorded meanwhile is named
        named = self._named() | {stored.value.blob for stored in self._store.scan(GARBAGE)}
        unnamed = [Garbage(blob, now_us + GRACE_US) for blob in found if blob not in named]
        if unnamed:
            self._store.commit(*(Put(GARBAGE, GARBAGE.key(g.blob), g, None) for g in unnamed))

    def _delete_due(self, now_us: int) -> None:
        due = [stored for stored in self._store.scan(GARBAGE) if stored.value.due_us <= now_us]
        named = self._named() if due else set()
        for stored in due:
            if stored.value.blob not in named:
                self._blobs.delete(stored.value.blob)
            self._store.commit(Delete(stored.key, stored.revision))

    def _named(self) -> set[str]:
        return {stored.value.blob for stored in self._store.scan(SEGMENTS)}

    def _merge_all(self, group: list[Stored[Segment]], now_us: int) -> None:
        for together in _runs(group):
            self._merge(together, now_us)

    def _merge(self, together: list[Stored[Segment]], now_us: int) -> None:
        """One file in place of several; one commit tells all readers."""
        first = together[0].value
        tables = [pl.scan_parquet(self._blobs.locate(stored.value.blob)) for stored in together]
        names = "\n".join(stored.key for stored in together).encode()
        name = f"merged-{hashlib.sha256(names).hexdigest()[:32]}"
        rows = union(tables).sort("time", maintain_order=True).collect()
        merged = write_segment(self._blobs, first.kind, first.endpoint, first.day, name, rows)
        key = segment_key(first.kind, first.endpoint, first.day, name)
        merged = replace(merged, merged=True)
        changes: list[Put[Any] | Delete] = [Put(SEGMENTS, key, merged, None)]
        for stored in together:
            changes.append(Delete(stored.key, stored.revision))
            garbage = Garbage(stored.value.blob, now_us + GRACE_US)
            changes.append(Put(GARBAGE, GARBAGE.key(stored.key), garbage, None))
        self._store.commit(*changes)


def _place(stored: Stored[Segment]) -> str:
    return f"{stored.value.kind} of {stored.value.endpoint} on {stored.value.day}"


def _runs(group: list[Stored[Segment]]) -> Iterator[list[Stored[Segment]]]:
    """Small segments, two or more at a time; together each run is no larger than allowed.

    A run ends where the next segment would not fit. That one is small, so the run is large, and
    at most one small segment remains in the end, however often this is repeated.
    """
    small = [stored for stored in group if stored.value.size_bytes < MERGE_BYTES / 2]
    run: list[Stored[Segment]] = []
    for stored in sorted(small, key=lambda s: s.value.low_us):
        if sum(s.value.size_bytes for s in [*run, stored]) > MERGE_BYTES:
            yield run
            run = []
        run.append(stored)
    if len(run) > 1:
        yield run
