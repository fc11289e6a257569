"""Sealed parts of the log, as records in the store."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.records import Kind

SegmentKind = Literal["predictions", "feedback"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed file: rows of one kind, endpoint and day.

    Args:
        kind: what its rows are.
        endpoint: whose.
        day: on which the rows came in, UTC, `2026-03-01`.
        blob: the Parquet file's key.
        rows: how many.
        low_us: the earliest time in it.
        high_us: the latest time in it.
        size_bytes: about what its rows take in memory.
        merged: whether it was made of other segments, which are no more.
        ids: the lowest and the highest that its rows may have, where ids do not tell when they
            were made, as those of batch jobs; None where they do.
        entered_us: when its rows came in, where that is later than their times, as of batch jobs,
            whose rows have that of their beginning; 0 where it is not.
    """

    kind: SegmentKind
    endpoint: str
    day: str
    blob: str
    rows: int
    low_us: int
    high_us: int
    size_bytes: int = 0
    merged: bool = False
    ids: tuple[str, str] | None = None
    entered_us: int = 0


class JournalState(msgspec.Struct, frozen=True):
    """How far a journal is sealed.

    Args:
        sealed: bytes from its start whose frames are in segments.
    """

    sealed: int


SEGMENTS = Kind("segment", Segment)
JOURNALS = Kind("journal", JournalState)


def segment_key(kind: SegmentKind, endpoint: str, day: str, name: str) -> str:
    """The key of a segment's record; those of one kind, endpoint and day stand together."""
    return SEGMENTS.key(kind, endpoint, day, name)
