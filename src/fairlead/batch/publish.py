"""The end of a job: its predictions enter the log, and its output is there at once, as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec

from fairlead.batch.log import SOURCE
from fairlead.batch.score import LOG, PROFILE, REJECTS, scratch_file
from fairlead.batch.target import OWN, RECORD, REJECTED, SEEN, Target
from fairlead.batch.types import JOBS, Chunk, JobRecord, Lineage, Moved, Plan, Scored
from fairlead.batch.write import heading
from fairlead.clock import Clock
from fairlead.durable import sync
from fairlead.errors import InputError
from fairlead.ids import derive
from fairlead.monitoring.compare import compare
from fairlead.predictionlog.segments import SEGMENTS, Segment, segment_key
from fairlead.profiles import Profile, decode, encode, merge
from fairlead.store import Blobs, Put, Store

COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A job all of whose chunks are committed.

    Args:
        plan: of it.
        target: of its output.
        chunks: all there are.
        done: what became of each, by number.
    """

    plan: Plan
    target: Target
    chunks: Sequence[Chunk]
    done: Mapping[int, Scored]

    def kept(self, chunk: Chunk, what: str) -> Path:
        """A file that a chunk left beside its part."""
        return scratch_file(self.target.own / "chunks", chunk.number, what)


def publish(
    finished: Finished,
    names: Sequence[str],
    reference: Profile | None,
    store: Store,
    blobs: Blobs,
    clock: Clock,
) -> JobRecord:
    """Make the output of a job whole, enter its predictions in the log, and show both.

    Killed anywhere it does again what it had not finished, and the log has each prediction once.

    Args:
        finished: the job.
        names: of the columns of its parts.
        reference: of the version; None if it has none.
        store: of the records.
        blobs: of the log's files.
        clock: for the record.

    Raises:
        InputError: no row could be answered.
    """
    plan, target = finished.plan, finished.target
    rejected = sum(scored.rejected for scored in finished.done.values())
    rows = sum(scored.rows for scored in finished.done.values())
    _join(
        [finished.kept(chunk, REJECTS) for chunk in finished.chunks
         if finished.done[chunk.number].rejected],
        target.working / REJECTED,
    )  # fmt: skip
    if not rows:
        raise InputError(
            f"None of {rejected} rows could be answered.",
            hint=f"{target.working / REJECTED} says why, row by row.",
        )
    answered = [chunk for chunk in finished.chunks if finished.done[chunk.number].rows]
    drifted = _profile(finished, answered, reference)
    parts = (target.path.name,) if target.single else tuple(chunk.part for chunk in answered)
    record = JobRecord(
        key=plan.key, version=plan.version, digest=plan.digest, endpoint=plan.endpoint,
        name=plan.job.name, output=str(target.path), query=plan.job.query,
        begun_us=plan.begun_us, ended_us=clock.now_us(), rows=rows, rejected=rejected,
        inputs=tuple(
            Lineage(name=f.name, digest=f.digest, size_bytes=f.size_bytes, rows=f.rows)
            for f in plan.files
        ),
        parts=parts, drifted=drifted, notes=plan.notes,
    )  # fmt: skip
    if target.single:
        head = heading(names) if target.form == "csv" else b""
        _join([target.working / chunk.part for chunk in answered], _whole(target), head)
    _enter(finished, answered, record, store, blobs)
    _write(target.working / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=2))
    show(target)
    return record


def show(target: Target) -> None:
    """Give the output of a complete job its name, at once; the last step, which may be repeated."""
    if target.single and _whole(target).exists():
        _whole(target).replace(target.path)
    if target.single:
        for path in target.working.iterdir():
            if path.name not in (RECORD, REJECTED, SEEN, OWN):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(target.own, ignore_errors=True)
    target.working.rename(target.folder)
    sync(target.folder.parent)


def _whole(target: Target) -> Path:
    """Where a single file is put together."""
    return target.own / "whole"


def _profile(
    finished: Finished, answered: Sequence[Chunk], reference: Profile | None
) -> tuple[Moved, ...]:
    """Write the profile of the job; gives the fields that differ from the reference."""
    if reference is None:
        return ()
    seen = (decode(finished.kept(chunk, PROFILE).read_bytes()) for chunk in answered)
    profile = reduce(merge, seen)
    _write(finished.target.working / SEEN, encode(profile))
    found = compare(reference, profile).fields
    return tuple(Moved(field=name, why=each.why) for name, each in found.items() if each.drifted)


def _enter(
    finished: Finished, answered: Sequence[Chunk], record: JobRecord, store: Store, blobs: Blobs
) -> None:
    """Enter the predictions in the log, in one commit with the job's record.

    Those of a file that an earlier job has scored with the same version are there already, under
    the same ids.
    """
    endpoint = finished.plan.endpoint
    known = {stored.value.ids for stored in store.scan(SEGMENTS, f"predictions/{endpoint}/")}
    heads = {_head(ids[0]) for ids in known if ids is not None}
    puts: list[Put[Any]] = []
    for chunk in answered:
        segment = _segment(finished, chunk, record.ended_us)
        assert segment.ids is not None
        if _head(segment.ids[0]) not in heads:
            blobs.link(segment.blob, finished.kept(chunk, LOG))
            name = Path(segment.blob).stem
            puts.append(
                Put(
                    SEGMENTS, segment_key("predictions", endpoint, segment.day, name), segment, None
                )
            )
    store.commit(*puts, Put(JOBS, JOBS.key(endpoint, record.key), record, None))


def _segment(finished: Finished, chunk: Chunk, entered_us: int) -> Segment:
    plan, scored = finished.plan, finished.done[chunk.number]
    first = derive(*chunk.seed).some(chunk.piece.start, 1).texts()[0]
    last = derive(*chunk.seed).some(chunk.piece.start + chunk.piece.rows - 1, 1).texts()[0]
    day = _day(plan.begun_us)
    return Segment(
        kind="predictions",
        endpoint=plan.endpoint,
        day=day,
        blob=f"log/predictions/{plan.endpoint}/{day}/{SOURCE}-{first}.parquet",
        rows=scored.rows,
        low_us=plan.begun_us,
        high_us=plan.begun_us,
        size_bytes=finished.kept(chunk, LOG).stat().st_size,
        ids=(first, last),
        entered_us=entered_us,
    )


def _head(written: str) -> str:
    """What all ids of one file's rows have in common."""
    return written.rpartition("-")[0]


def _day(time_us: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d")


def _join(parts: Iterable[Path], target: Path, head: bytes = b"") -> None:
    """One file of several; none of none."""
    there = list(parts)
    if not there:
        return
    temporary = target.with_name(f"{target.name}.new")
    with temporary.open("wb") as out:
        out.write(head)
        for part in there:
            with part.open("rb") as source:
                shutil.copyfileobj(source, out, COPY_BYTES)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(target)


def _write(target: Path, content: bytes) -> None:
    temporary = target.with_name(f"{target.name}.new")
    with temporary.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(target)
