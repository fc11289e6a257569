"""The shell that folds the sealed log into windows, each file exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.days import DAYS, Day, add_rows
from fairlead.monitoring.gather import BATCH, PRECOMPUTED, WATCHED
from fairlead.monitoring.records import FOLDED, WATCHES, WINDOWS, Folded, Stream, Watch, moment
from fairlead.monitoring.retain import AHEAD_US, day_of, first_day, first_hour
from fairlead.monitoring.traffic import SHADOW, TRAFFIC, Traffic, count
from fairlead.monitoring.types import Window
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.segments import SEGMENTS, Segment
from fairlead.profiles import Profile, merge, observe_table
from fairlead.store import ABSENT, Blobs, Delete, Put, Store

References = Callable[[str], Profile | None]
"""The reference profile of a version, by its name; None if it has none."""
Streams = dict[Stream, dict[int, pl.DataFrame]]
"""Rows by who answered, and by the start of their window."""


class Collector:
    """Adds what is sealed to the windows that it falls into.

    One commit adds a file's rows to all windows they touch and notes that the file was read, so
    that each row is counted once, wherever the process is killed. A file that was merged from
    others is left alone: its parts were read before, which compaction waits for (`is_read`).

    Only rows count that were assigned as the route says, and those of batch jobs: a row that was
    sent to a version by name, to try it, says nothing about the traffic. Nor does one whose time
    lies more than a day ahead, or 400 days back: it comes from a machine whose clock is wrong.

    Args:
        store: of segments and windows.
        blobs: of the sealed files.
        references: of versions.
        length_us: of a window.
        clock: for the pace of attempts.
    """

    def __init__(
        self, store: Store, blobs: Blobs, references: References, length_us: int, clock: Clock
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._references = references
        self._length_us = length_us
        self._clock = clock
        self._attempts = Attempts(clock, "The log {} cannot be folded into windows")

    def is_read(self, segment: str) -> bool:
        """Whether the file of a segment's record has been read, or is none to be read here."""
        if not segment.startswith(SEGMENTS.key("predictions", "")):
            return True
        return self._store.get(FOLDED, FOLDED.key(segment)) is not None

    @property
    def is_whole(self) -> bool:
        """Whether no file failed to be folded when that was last tried."""
        return self._attempts.all_done

    def tick(self) -> None:
        """Fold what was sealed since; forget the files that are gone.

        Raises:
            StorageError: files cannot be read; all others are folded.
        """
        folded = {stored.key: stored for stored in self._store.scan(FOLDED)}
        segments = {FOLDED.key(s.key): s.value for s in self._store.scan(SEGMENTS, "predictions/")}
        for key, segment in segments.items():
            if key not in folded and not segment.merged:
                self._attempts.attempt(key, partial(self._fold, key, segment))
        gone = [Delete(s.key, s.revision) for key, s in folded.items() if key not in segments]
        if gone:
            self._store.commit(*gone)
        self._attempts.settle(segments)

    def _fold(self, key: str, segment: Segment) -> None:
        rows = pl.read_parquet(self._blobs.locate(segment.blob))
        now_us = self._clock.now_us()
        time_us = pl.col("time").dt.epoch("us")
        sound = rows.filter(time_us.is_between(first_day(now_us), now_us + AHEAD_US))
        streams = _streams(segment.endpoint, sound, self._length_us)
        looked_up = _looked_up(sound, self._length_us)
        puts: list[Put[Any]] = self._counted(segment.endpoint, streams, looked_up)
        for stream, parts in streams.items():
            reference = self._references(stream.version)
            if reference is not None:
                puts += self._kept(stream, reference, parts, now_us)
        self._store.commit(*puts, Put(FOLDED, key, Folded(len(puts)), ABSENT))

    def _counted(
        self, endpoint: str, streams: Streams, looked_up: Mapping[int, int]
    ) -> list[Put[Traffic]]:
        """The endpoint's traffic with some rows more; a shadow's were asked of others too.

        Nor does a batch job say how much the endpoint is asked, but who looks up what it was
        published for asks the endpoint: callers who change over are no fewer.
        """
        rows = Counter(looked_up)
        for stream, parts in streams.items():
            if stream.role not in (SHADOW, BATCH):
                rows.update({start_us: part.height for start_us, part in parts.items()})
        key = TRAFFIC.key(endpoint)
        stored = self._store.get(TRAFFIC, key)
        before = None if stored is None else stored.value
        after = count(before, endpoint, self._length_us, rows, self._clock.now_us())
        if after is None or after == before:
            return []
        return [Put(TRAFFIC, key, after, ABSENT if stored is None else stored.revision)]

    def _kept(
        self, stream: Stream, reference: Profile, parts: dict[int, pl.DataFrame], now_us: int
    ) -> list[Put[Any]]:
        """The windows of a stream that some rows fall into, and that they are to be looked at."""
        key = WATCHES.key(stream.place)
        stored = self._store.get(WATCHES, key)
        watch = Watch(stream=stream) if stored is None else stored.value
        young_us = first_hour(now_us)
        archived_us = young_us if stored is None else min(watch.archived_us, young_us)
        young = {start: part for start, part in parts.items() if start >= archived_us}
        days: dict[int, list[pl.DataFrame]] = {}
        for start_us, part in parts.items():
            if start_us not in young:
                days.setdefault(day_of(start_us), []).append(part)
        # A clock that ran ahead was set back: what follows is not late.
        tested_us = min(watch.until_us, now_us // self._length_us * self._length_us)
        pending = {*watch.pending, *(start for start in young if start >= tested_us)}
        noted = replace(watch, pending=tuple(sorted(pending)), archived_us=archived_us)
        puts: list[Put[Any]] = [
            *(self._added(stream, reference, *part) for part in young.items()),
            *(self._archived(stream, reference, day, pl.concat(p)) for day, p in days.items()),
        ]
        if stored is None or noted != watch:
            puts.append(Put(WATCHES, key, noted, ABSENT if stored is None else stored.revision))
        return puts

    def _added(
        self, stream: Stream, reference: Profile, start_us: int, rows: pl.DataFrame
    ) -> Put[Window]:
        """A window with some rows more."""
        key = WINDOWS.key(stream.place, moment(start_us))
        stored = self._store.get(WINDOWS, key)
        profile = observe_table(reference, rows)
        window = Window(
            endpoint=stream.endpoint,
            version=stream.version,
            role=stream.role,
            start_us=start_us,
            end_us=start_us + self._length_us,
            profile=profile if stored is None else merge(stored.value.profile, profile),
        )
        return Put(WINDOWS, key, window, ABSENT if stored is None else stored.revision)

    def _archived(
        self, stream: Stream, reference: Profile, start_us: int, rows: pl.DataFrame
    ) -> Put[Day]:
        """A day, whose hours are no more, with some rows more."""
        key = DAYS.key(stream.place, moment(start_us))
        stored = self._store.get(DAYS, key)
        before = None if stored is None else stored.value
        day = add_rows(before, stream, start_us, observe_table(reference, rows))
        return Put(DAYS, key, day, ABSENT if stored is None else stored.revision)


def _streams(endpoint: str, rows: pl.DataFrame, length_us: int) -> Streams:
    """Live rows that the route assigned, and those of batch jobs."""
    routed = rows.filter(WATCHED).with_columns(_window(length_us))
    found: Streams = {}
    parts = routed.partition_by("version", "role", "window_us", as_dict=True)
    for (version, role, start_us), part in parts.items():
        stream = Stream(endpoint=endpoint, version=str(version), role=str(role))
        found.setdefault(stream, {})[int(start_us)] = part
    return found


def _looked_up(rows: pl.DataFrame, length_us: int) -> dict[int, int]:
    """Rows that predictions made ahead answered, by start of the window."""
    mine = rows.filter(pl.col("source") == PRECOMPUTED)
    return dict(mine.group_by(_window(length_us)).len().iter_rows())


def _window(length_us: int) -> pl.Expr:
    """The start of the window that a row falls into."""
    return (pl.col("time").dt.epoch("us") // length_us * length_us).alias("window_us")
