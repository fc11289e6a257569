"""The shell that seals journals into Parquet, each row exactly once, whenever it is killed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from fairlead.clock import Clock
from fairlead.locks import is_held
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.frame import Frame
from fairlead.predictionlog.journal import SUFFIX
from fairlead.predictionlog.scan import Located, is_damaged, scan
from fairlead.predictionlog.segments import (
    JOURNALS,
    SEGMENTS,
    JournalState,
    Segment,
    SegmentKind,
    segment_key,
)
from fairlead.predictionlog.tables import table_of
from fairlead.predictionlog.types import Describe, PredictionFrame, say_nothing
from fairlead.store import ABSENT, Blobs, Delete, Event, Put, Store

SEAL_S = 60.0
SEAL_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024 * 1024


class Sealer:
    """Seals this machine's journals.

    What a journal gained becomes Parquet files named after the journal and the byte range, then
    one commit records them together with how far the journal is sealed. Killed before the commit
    it does the same work again under the same names; killed after it, nothing is left to do. A
    journal is deleted when its writer is gone and everything in it is committed. One that was
    damaged in its middle is kept beside the others as `.damaged`, for a person to look at.

    Args:
        store: of the records.
        blobs: of the Parquet files.
        folder: of the journals.
        clock: for the pace and the audit.
        seal_s: after which a living journal is sealed, however little it gained.
        describe: what is kept of pictures and sounds beside digest and size.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        folder: Path,
        clock: Clock,
        seal_s: float = SEAL_S,
        describe: Describe = say_nothing,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._folder = folder
        self._clock = clock
        self._seal_s = seal_s
        self._describe = describe
        self._looked_s: dict[str, float] = {}
        self._attempts = Attempts(clock, "The journal {} cannot be sealed")

    @property
    def is_whole(self) -> bool:
        """Whether no journal failed to be sealed when that was last tried."""
        return self._attempts.all_done

    def tick(self, *, everything: bool = False) -> None:
        """Seal what is due: journals left behind, and what living ones gained in a while.

        Args:
            everything: whether to seal all there is, due or not.

        Raises:
            StorageError: journals cannot be sealed, or the store cannot be read or written; the
                others are sealed, nothing sealed is damaged, and later ticks try again.
        """
        paths = sorted(self._folder.glob(f"*{SUFFIX}"))
        for path in paths:
            self._attempts.attempt(path.name, partial(self._tend, path, everything=everything))
        self._attempts.settle(path.name for path in paths)

    def _tend(self, path: Path, *, everything: bool) -> None:
        """Seal and delete one journal, as far as that is due."""
        with contextlib.suppress(FileNotFoundError):  # someone else did it meanwhile
            written = is_held(path)
            stored = self._store.get(JOURNALS, JOURNALS.key(path.name))
            sealed = stored.value.sealed if stored else 0
            if not written or everything or self._is_due(path, sealed):
                self._seal(path, sealed, stored.revision if stored else ABSENT)
                self._looked_s[path.name] = self._clock.monotonic_s()
            if not written:
                self._delete(path)

    def _is_due(self, path: Path, sealed: int) -> bool:
        now_s = self._clock.monotonic_s()
        looked_s = self._looked_s.setdefault(path.name, now_s)
        gained = path.stat().st_size - sealed
        return gained >= SEAL_BYTES or (gained > 0 and now_s - looked_s >= self._seal_s)

    def _seal(self, path: Path, sealed: int, expect: int) -> None:
        """Seal chunk after chunk, each with a commit of its own, so that memory is bounded."""
        chunk: list[Located] = []
        for located in scan(path, sealed):
            chunk.append(located)
            if located.end - sealed >= CHUNK_BYTES:
                expect = self._commit(path, sealed, chunk, expect)
                sealed, chunk = located.end, []
        if chunk:
            self._commit(path, sealed, chunk, expect)

    def _commit(self, path: Path, start: int, chunk: list[Located], expect: int) -> int:
        end = chunk[-1].end
        name = f"{path.stem}-{start}-{end}"
        puts: list[Put[Any]] = []
        for (kind, endpoint), frames in _by_endpoint(chunk).items():
            for day, rows in _by_day(kind, table_of(kind, frames, self._describe)):
                segment = write_segment(self._blobs, kind, endpoint, day, name, rows)
                key = segment_key(kind, endpoint, day, name)
                puts.append(Put(SEGMENTS, key, segment, None))
        state = Put(JOURNALS, JOURNALS.key(path.name), JournalState(end), expect)
        return self._store.commit(state, *puts)

    def _delete(self, path: Path) -> None:
        """Delete a journal whose writer is gone and whose whole frames are all sealed."""
        key = JOURNALS.key(path.name)
        stored = self._store.get(JOURNALS, key)
        sealed = stored.value.sealed if stored else 0
        left = path.stat().st_size - sealed
        damaged = is_damaged(path, sealed)
        event = Event(
            time_us=self._clock.now_us(),
            actor="controller",
            action="set damaged journal aside" if damaged else "cut torn tail",
            subject=key,
            detail={"bytes": left},
        )
        if damaged:
            path.rename(path.with_suffix(".damaged"))
        else:
            path.unlink(missing_ok=True)
        self._looked_s.pop(path.name, None)
        self._store.commit(Delete(key, None), events=(event,) if left > 0 else ())


def write_segment(
    blobs: Blobs, kind: SegmentKind, endpoint: str, day: str, name: str, rows: pl.DataFrame
) -> Segment:
    """Write rows of one kind, endpoint and day as a file, and describe it."""
    blob = f"log/{kind}/{endpoint}/{day}/{name}.parquet"
    blobs.put(blob, _parquet(rows))
    times = rows["time"].dt.epoch("us").to_numpy()
    return Segment(
        kind=kind,
        endpoint=endpoint,
        day=day,
        blob=blob,
        rows=rows.height,
        low_us=int(times.min()),
        high_us=int(times.max()),
        size_bytes=int(rows.estimated_size()),
    )


def _parquet(rows: pl.DataFrame) -> bytes:
    """A table as the bytes of a Parquet file; the same table gives the same bytes."""
    target = io.BytesIO()
    rows.write_parquet(target, compression="zstd", statistics=True)
    return target.getvalue()


def _by_endpoint(chunk: Iterable[Located]) -> dict[tuple[SegmentKind, str], list[Frame]]:
    groups: dict[tuple[SegmentKind, str], list[Frame]] = {}
    for frame in (located.frame for located in chunk):
        kind: SegmentKind = "predictions" if isinstance(frame, PredictionFrame) else "feedback"
        groups.setdefault((kind, frame.endpoint), []).append(frame)
    return groups


def _by_day(kind: SegmentKind, table: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    """Rows by the day on which they came in: when feedback happened is for its sender to say."""
    days = table["time" if kind == "predictions" else "received"].dt.strftime("%Y-%m-%d")
    for day in days.unique().sort():
        yield day, table.filter(days == day)
