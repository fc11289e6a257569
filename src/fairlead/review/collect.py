"""The shell that makes tasks of what waits on the log: soon, once, and no more than people see."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.journal import SUFFIX
from fairlead.predictionlog.scan import scan
from fairlead.predictionlog.segments import JOURNALS, SEGMENTS, Segment
from fairlead.predictionlog.tables import predictions_table
from fairlead.predictionlog.types import PredictionFrame
from fairlead.records import Kind
from fairlead.review.enter import OPEN_MAX, entered, room_in
from fairlead.review.gather import asked, by_model, tasks_of, with_modes
from fairlead.review.tally import TALLIES, Tally
from fairlead.review.terms import Terms, terms_of
from fairlead.review.types import TASKS, media_key
from fairlead.routing import ROUTES
from fairlead.store import ABSENT, Blobs, Delete, Put, Store

COMMIT_MAX = 100
"""Tasks that are committed together."""


class Collected(msgspec.Struct, frozen=True):
    """A sealed file of which nothing waits on the log any more.

    Args:
        tasks: that it holds.
    """

    tasks: int


COLLECTED = Kind("collected", Collected)


class Collector:
    """Puts what people are asked into its queues.

    Each sealed file is read until nothing in it waits for room; the commit that notes so counts
    its rows, too. A task is made once, since it is not made where it is; one that was delivered
    stays on record far longer than its file stays unsealed. What journals have gained is looked
    at as well, so that a row waits seconds and not until its file is sealed; pictures and sound
    of what is or comes to be a task are kept from there, as files hold their digests alone. An
    audit for which there is no room is left out: it is a sample, which need not wait.

    Args:
        store: of routes, segments and tasks.
        blobs: of the sealed files, and of pictures and sound.
        folder: of this machine's journals.
        clock: for the pace of attempts.
        open_max: tasks of a queue that wait in the store.
    """

    def __init__(
        self, store: Store, blobs: Blobs, folder: Path, clock: Clock, open_max: int = OPEN_MAX
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._folder = folder
        self._open_max = open_max
        self._attempts = Attempts(clock, "The log {} cannot be looked through for people")
        self._offsets: dict[str, int] = {}
        self._room: Counter[str] = Counter()
        self._blocked: set[str] = set()

    def is_read(self, segment: str) -> bool:
        """Whether nothing of a segment waits for room, by its record's key."""
        if not segment.startswith(SEGMENTS.key("predictions", "")):
            return True
        return self._store.get(COLLECTED, COLLECTED.key(segment)) is not None

    def tick(self) -> None:
        """Make tasks of what came in since, as far as there is room.

        Raises:
            StorageError: parts of the log cannot be read; all others are.
        """
        self._room.clear()
        terms = {s.value.endpoint: terms_of(s.value) for s in self._store.scan(ROUTES)}
        asking = {name: each for name, each in terms.items() if each.asks}
        journals = sorted(self._folder.glob(f"*{SUFFIX}")) if asking else []
        for path in journals:
            self._attempts.attempt(path.name, partial(self._look, path, asking))
        names = {path.name for path in journals}
        self._offsets = {n: at for n, at in self._offsets.items() if n in names}
        self._attempts.settle(names | self._read_files(terms))

    def _read_files(self, terms: dict[str, Terms]) -> set[str]:
        read = {stored.key: stored for stored in self._store.scan(COLLECTED)}
        segments = {
            COLLECTED.key(s.key): s.value for s in self._store.scan(SEGMENTS, "predictions/")
        }
        unread = [(s.low_us, k, s) for k, s in segments.items() if k not in read and not s.merged]
        for _, key, segment in sorted(unread, key=lambda each: each[:2]):
            work = partial(self._read, key, segment, terms.get(segment.endpoint))
            self._attempts.attempt(key, work)
        gone = [Delete(s.key, s.revision) for key, s in read.items() if key not in segments]
        if gone:
            self._store.commit(*gone)
        return set(segments)

    def _read(self, key: str, segment: Segment, terms: Terms | None) -> None:
        """Make tasks of a sealed file, and note it if nothing of it is left."""
        path = self._blobs.locate(segment.blob)
        if terms is None or not (terms.asks or _waits(path)):  # nobody is asked
            self._store.commit(Put(COLLECTED, key, Collected(0), ABSENT))
            return
        enough = max(self._open_max // 10, 1)  # it is not read again for each one that is decided
        if key in self._blocked and self._room_in(terms.queue) < enough:
            return
        rows = with_modes(pl.read_parquet(path))
        found = asked(rows, terms)
        chosen, left = self._choose(found, terms)
        self._enter(chosen, terms)
        if not left.is_empty():
            self._blocked.add(key)
            return
        self._blocked.discard(key)
        puts: list[Put[Any]] = [Put(COLLECTED, key, Collected(found.height), ABSENT)]
        if terms.asks:
            puts += [self._counted(terms.endpoint, str(version), str(mode), part)
                     for (version, mode), part
                     in rows.partition_by("version", "mode", as_dict=True).items()]  # fmt: skip
        self._store.commit(*puts)

    def _counted(self, endpoint: str, version: str, mode: str, rows: pl.DataFrame) -> Put[Tally]:
        key = TALLIES.key(endpoint, version, mode)
        stored = self._store.get(TALLIES, key)
        before = (
            Tally(endpoint=endpoint, version=version, mode=mode) if stored is None else stored.value
        )
        given = rows.filter(by_model()).height
        waited = rows.filter(pl.col("decided_by") == "pending").height
        told = replace(before, rows=before.rows + given + waited, by_model=before.by_model + given)
        return Put(TALLIES, key, told, ABSENT if stored is None else stored.revision)

    def _look(self, path: Path, asking: dict[str, Terms]) -> None:
        """Make tasks of what a journal has gained."""
        frames: dict[str, list[PredictionFrame]] = {}
        with contextlib.suppress(FileNotFoundError):  # it was sealed and deleted meanwhile
            start = self._offsets.get(path.name)
            if start is None:
                stored = self._store.get(JOURNALS, JOURNALS.key(path.name))
                start = 0 if stored is None else stored.value.sealed
            for located in scan(path, start):
                start = located.end
                frame = located.frame
                if isinstance(frame, PredictionFrame) and frame.endpoint in asking:
                    frames.setdefault(frame.endpoint, []).append(frame)
            for endpoint, some in frames.items():
                self._look_at(some, asking[endpoint])
            self._offsets[path.name] = start

    def _look_at(self, frames: Sequence[PredictionFrame], terms: Terms) -> None:
        found = asked(with_modes(predictions_table(frames)), terms)
        chosen, left = self._choose(found, terms)
        if terms.media:
            self._keep_media(frames, {*chosen["id"], *left["id"]}, terms)
        self._enter(chosen, terms)  # what is left comes from its file

    def _keep_media(
        self, frames: Iterable[PredictionFrame], wanted: set[str], terms: Terms
    ) -> None:
        """Keep the pictures and sounds of rows that a person is asked about."""
        for frame in frames:
            ids = predictions_table([frame])["id"].to_list()
            for field in terms.media:
                for one, value in zip(ids, frame.inputs.column(field).tolist(), strict=True):
                    if one in wanted and isinstance(value, bytes):
                        self._blobs.put(media_key(one, field), value)

    def _choose(self, rows: pl.DataFrame, terms: Terms) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of rows that have no task yet those for which there is room, and those that wait.

        Without any room the store is not asked which have one: that is seen when there is some.
        """
        room = 0 if rows.is_empty() else self._room_in(terms.queue)
        new = self._new(rows) if room else rows["id"].to_list()
        left = rows.filter(pl.col("id").is_in(new[room:]) & (pl.col("decided_by") == "pending"))
        return rows.filter(pl.col("id").is_in(new[:room])), left

    def _enter(self, rows: pl.DataFrame, terms: Terms) -> None:
        """Make tasks of rows."""
        tasks = tasks_of(rows, terms)
        for start in range(0, len(tasks), COMMIT_MAX):
            some = tasks[start : start + COMMIT_MAX]
            self._store.commit(*(put for task in some for put in entered(task)))
            self._room[terms.queue] -= len(some)

    def _new(self, rows: pl.DataFrame) -> list[str]:
        """The ids of rows that no task was made of yet."""
        return [one for one in rows["id"] if self._store.get(TASKS, TASKS.key(one)) is None]

    def _room_in(self, queue: str) -> int:
        if queue not in self._room:
            self._room[queue] = room_in(self._store, queue, self._open_max)
        return self._room[queue]


def _waits(path: str) -> bool:
    """Whether a file has rows that wait, from before their endpoint left all to the model."""
    rows = pl.scan_parquet(path)
    if "decided_by" not in rows.collect_schema():
        return False
    waiting = rows.filter(pl.col("decided_by") == "pending").select(pl.len())
    return bool(waiting.collect().item())
