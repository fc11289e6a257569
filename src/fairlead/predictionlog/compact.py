"""Compaction: the many small files of a past day become one."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec
import polars as pl

from fairlead.clock import Clock
from fairlead.predictionlog.sealer import write_segment
from fairlead.predictionlog.segments import SEGMENTS, Segment, segment_key
from fairlead.predictionlog.tables import union
from fairlead.records import Kind
from fairlead.store import Blobs, Delete, Put, Store, Stored

GRACE_US = 3_600_000_000


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

    Args:
        store: of the records.
        blobs: of the files.
        clock: tells which days are past.
    """

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def tick(self) -> None:
        """Merge what can be merged; delete what is due."""
        now_us = self._clock.now_us()
        today = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y-%m-%d")
        segments = self._store.scan(SEGMENTS)
        for (_, _, day), group in groupby(segments, lambda s: _place(s.value)):
            together = list(group)
            if day < today and len(together) > 1:
                self._merge(together, now_us)
        for stored in self._store.scan(GARBAGE):
            if stored.value.due_us <= now_us:
                self._blobs.delete(stored.value.blob)
                self._store.commit(Delete(stored.key, stored.revision))

    def _merge(self, together: list[Stored[Segment]], now_us: int) -> None:
        """One file in place of several; one commit tells all readers."""
        first = together[0].value
        tables = [pl.scan_parquet(self._blobs.locate(stored.value.blob)) for stored in together]
        names = "\n".join(stored.key for stored in together).encode()
        name = f"merged-{hashlib.sha256(names).hexdigest()[:32]}"
        rows = union(tables).sort("time", maintain_order=True).collect()
        merged = write_segment(self._blobs, first.kind, first.endpoint, first.day, name, rows)
        key = segment_key(first.kind, first.endpoint, first.day, name)
        changes: list[Put[Any] | Delete] = [Put(SEGMENTS, key, merged, None)]
        for stored in together:
            changes.append(Delete(stored.key, stored.revision))
            garbage = Garbage(stored.value.blob, now_us + GRACE_US)
            changes.append(Put(GARBAGE, GARBAGE.key(stored.key), garbage, None))
        self._store.commit(*changes)


def _place(segment: Segment) -> tuple[str, str, str]:
    return segment.kind, segment.endpoint, segment.day
