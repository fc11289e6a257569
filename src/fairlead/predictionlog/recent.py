"""A bounded look into the log: the newest rows that fit, in as few files as that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fairlead.clock import Clock
from fairlead.predictionlog.frame import Frame
from fairlead.predictionlog.read import state
from fairlead.predictionlog.scan import scan
from fairlead.predictionlog.segments import Segment, SegmentKind
from fairlead.predictionlog.tables import table_of, union
from fairlead.predictionlog.types import PredictionFrame
from fairlead.store import Blobs, Store

FILES_MAX = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are looked for.

    Args:
        kind: of the rows.
        endpoint: whose.
        since_us: when the earliest came, microseconds since 1970.
        until_us: when the latest came.
        equal: columns, and values of which each row must have one; in all of them.
        id: the only prediction's, if it is one; files that cannot hold it are left out.
        limit: how many at most, the newest.
    """

    kind: SegmentKind
    endpoint: str
    since_us: int
    until_us: int
    equal: tuple[tuple[str, tuple[str, ...]], ...] = ()
    id: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Args:
        rows: the newest first, with the columns of the log.
        files: that were looked into.
        is_whole: whether all that could hold such rows were, as far as the limit needs.
    """

    rows: pl.DataFrame
    files: int
    is_whole: bool


class Glance:
    """Looks at the newest of the log, for no longer than a moment.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        clock: for how long it may take.
        timeout_s: after which no further file is opened, by all looks together.
    """

    def __init__(
        self, store: Store, blobs: Blobs, folder: Path, clock: Clock, timeout_s: float
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._folder = folder
        self._clock = clock
        self._deadline_s = clock.monotonic_s() + timeout_s

    def look(self, wanted: Wanted) -> Found:
        """Find rows.

        Args:
            wanted: which.

        Raises:
            StorageError: the log went on changing under every attempt to read it.
        """
        for sealed in state(self._store, self._folder, wanted.endpoint, wanted.kind):
            try:
                tail, is_whole = self._tail(wanted, sealed.journals)
            except FileNotFoundError:
                continue  # it was sealed and deleted meanwhile: its rows are in segments now
            break
        found, files = [_pick(table_of(wanted.kind, tail).lazy(), wanted)], len(sealed.journals)
        for segment in _candidates(sealed.segments, wanted):
            held = sum(part.height for part in found)
            if held >= wanted.limit and segment.high_us < _oldest_us(found, wanted):
                break
            if files >= FILES_MAX or self._is_over():
                is_whole = False
                break
            files += 1
            found.append(_pick(pl.scan_parquet(self._blobs.locate(segment.blob)), wanted))
        return Found(_newest([part.lazy() for part in found], wanted).collect(), files, is_whole)

    def _tail(
        self, wanted: Wanted, journals: Sequence[tuple[str, int]]
    ) -> tuple[list[Frame], bool]:
        """Frames that are not sealed yet, and whether all were read."""
        found: list[Frame] = []
        is_predictions = wanted.kind == "predictions"
        for name, sealed in journals:
            for located in scan(self._folder / name, sealed):
                frame = located.frame
                if self._is_over():
                    return found, False
                of_kind = isinstance(frame, PredictionFrame) == is_predictions
                if of_kind and frame.endpoint == wanted.endpoint:
                    found.append(frame)
        return found, True

    def _is_over(self) -> bool:
        return self._clock.monotonic_s() > self._deadline_s


def _candidates(segments: Sequence[Segment], wanted: Wanted) -> list[Segment]:
    """Files that may hold such rows, the newest first."""
    kept = [
        one
        for one in segments
        if one.high_us >= wanted.since_us
        and one.low_us <= wanted.until_us
        and (not wanted.id or one.ids is None or one.ids[0] <= wanted.id <= one.ids[1])
    ]
    return sorted(kept, key=lambda one: -one.high_us)


def _pick(rows: pl.LazyFrame, wanted: Wanted) -> pl.DataFrame:
    time = pl.col("time").dt.epoch("us")
    rows = rows.filter(time.is_between(wanted.since_us, wanted.until_us))
    for column, values in wanted.equal:
        rows = rows.filter(pl.col(column).is_in(values))
    return _newest([rows], wanted).collect()


def _newest(parts: Sequence[pl.LazyFrame], wanted: Wanted) -> pl.LazyFrame:
    return union(parts).sort("time", descending=True, maintain_order=True).head(wanted.limit)


def _oldest_us(found: Sequence[pl.DataFrame], wanted: Wanted) -> int:
    """The time of the last row that would be shown if there were no more."""
    times = pl.concat([part["time"].dt.epoch("us") for part in found]).sort(descending=True)
    return int(times[wanted.limit - 1])
