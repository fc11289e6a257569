"""The shell that runs a job: from where it stands to its end, whenever it was killed before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fairlead.batch.engine import Engine
from fairlead.batch.fetch import find_inputs
from fairlead.batch.manifest import Manifest
from fairlead.batch.plan import chunks_of, differences
from fairlead.batch.prepare import leaves_interpreter, make_plan
from fairlead.batch.publish import Finished, publish, show
from fairlead.batch.score import (
    LOG,
    PART,
    PROFILE,
    REJECTS,
    Work,
    reference_of,
    scratch_file,
    unwritten,
)
from fairlead.batch.target import RECORD, Target, target_of
from fairlead.batch.types import Chunk, Job, JobRecord, Plan, Progress, Scored
from fairlead.batch.write import ID, answer_names
from fairlead.bundle import BundleCache
from fairlead.clock import Clock
from fairlead.durable import sync
from fairlead.errors import ConflictError, NotFoundError
from fairlead.locks import hold
from fairlead.registry import Registry, Version, check_kept
from fairlead.store import Blobs, Store

PROFILE_ROWS = 250_000
"""At least as many rows of a job are counted in its profile, evenly chosen; of smaller jobs all."""
TRIES_MAX = 10

Tell = Callable[[Progress], None]
Deliver = Callable[[Finished], None]
"""Takes the answers of a job elsewhere, too, when all are there and none is on the log."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What jobs stand on.

    Args:
        registry: of versions.
        bundles: of this machine.
        store: of the records.
        blobs: of the log's files.
        keys: the folder of the keys whose signatures are accepted.
        clock: for the time of predictions.
        notes: what a reader of the answers should know, beside what is found in the input.
    """

    registry: Registry
    bundles: BundleCache
    store: Store
    blobs: Blobs
    keys: Path
    clock: Clock
    notes: tuple[str, ...] = ()


def run_job(
    job: Job,
    ground: Ground,
    engine: Engine,
    chunk_bytes: int,
    tell: Tell,
    deliver: Deliver | None = None,
) -> JobRecord:
    """Run a job, or go on with it where it was interrupted.

    Until all is done everything lies in a folder beside the output, whose name ends with
    `.incomplete`. A chunk is committed when its files have their names there and its line is in
    the manifest. At the end the predictions enter the log, and the folder gets the output's name.
    A job that is complete is not run again.

    Args:
        job: what is to be done.
        ground: what it stands on.
        engine: scores its chunks.
        chunk_bytes: that a chunk may have, if the job is not begun yet.
        tell: is told how far it is.
        deliver: takes the answers elsewhere, too; again, if the job is killed after that. What
            it raises ends the job, with nothing published.

    Returns:
        The job's record.

    Raises:
        NotFoundError: there is no such version, or its bundle was let go.
        ConfigError: the input cannot be read, or the output belongs to something else.
        ConflictError: another process is at work on it, or the output to another job.
        InputError: a row does not fit, and that ends the job; or none does.
        StorageError: a disk is full, or fails.
    """
    target = target_of(job.output)
    version = ground.registry.resolve(job.version)
    check_kept(version)
    with _claimed(target) as manifest:
        if (target.working / RECORD).exists():  # killed while it gave the output its name
            show(target)
            _make(target)
        found = find_inputs(job, target.own / "inputs", again=manifest.exists())
        size_bytes = sum(each.path.stat().st_size for each in found)
        engine.prepare(size_bytes, threads=leaves_interpreter(version, {e.form for e in found}))
        plan = make_plan(job, version, found, target.form, chunk_bytes, ground.clock.now_us())
        plan = replace(plan, notes=(*plan.notes, *ground.notes))
        known = _complete(target, plan)
        if known is not None:
            return known
        begun = _begun(manifest, plan, target)
        return _run(begun, manifest, target, version, ground, engine, tell, deliver)


@contextmanager
def _claimed(target: Target) -> Iterator[Manifest]:
    """Hold the folder that a job works in; it is left only if something is begun in it.

    Raises:
        ConflictError: another process holds it.
        StorageError: it cannot be made.
    """
    manifest = Manifest(target.own / "manifest")
    for _ in range(TRIES_MAX):
        _make(target)
        try:
            with hold(target.own / "lock"):
                try:
                    yield manifest
                finally:
                    if target.working.exists() and not manifest.exists():
                        shutil.rmtree(target.working)
                return
        except BlockingIOError:
            raise ConflictError(
                f"Another process is at work on {target.path}.",
                hint="Wait for it, or name another output.",
            ) from None
        except FileNotFoundError:
            continue  # who held it has just finished
    raise ConflictError(f"{target.working} is being made and removed by other processes.")


def _make(target: Target) -> None:
    """Make the folder that a job works in.

    Raises:
        ConflictError: there is one of this name that belongs to someone else.
        StorageError: it cannot be made.
    """
    try:
        ours = target.own.exists() or (target.working / RECORD).exists()
        if not ours and target.working.exists() and any(target.working.iterdir()):
            raise ConflictError(
                f"{target.working} is there already, and no batch job works in it.",
                hint="Name another output, or remove it.",
            )
        (target.own / "chunks").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(target.working, error) from error


def _complete(target: Target, plan: Plan) -> JobRecord | None:
    """The record of this very job, if it was run before.

    Raises:
        ConflictError: the output is another's.
    """
    try:
        raw = target.record.read_bytes()
        record = msgspec.json.decode(raw, type=JobRecord)
    except (OSError, msgspec.DecodeError):
        record = None
    if record is not None and record.key == plan.key and target.path.exists():
        return record
    if record is not None:
        raise ConflictError(
            f"{target.path} holds the answers of another job, of {record.version} to "
            f"{', '.join(each.name for each in record.inputs[:3])}.",
            hint="Name another output, or remove that one.",
        )
    taken = target.path.exists() and (target.single or any(target.path.iterdir()))
    if taken or (target.single and target.folder.exists()):
        raise ConflictError(
            f"{target.path} is there already, and is not the output of a batch job.",
            hint="Name another output.",
        )
    return None


def _begun(manifest: Manifest, plan: Plan, target: Target) -> tuple[Plan, dict[int, Scored]]:
    """The plan that is in force, and what is done of it.

    Raises:
        ConflictError: another job was begun there.
    """
    before = manifest.read()
    if before is None:
        try:
            manifest.begin(plan)
        except OSError as error:
            raise unwritten(target.own, error) from error
        return plan, {}
    wrong = differences(before[0], plan)
    if wrong:
        raise ConflictError(
            f"{target.working} was left by another job: {'; '.join(wrong)}.",
            hint="Run that one to its end, or remove the folder.",
        )
    return before


def _run(
    begun: tuple[Plan, dict[int, Scored]],
    manifest: Manifest,
    target: Target,
    version: Version,
    ground: Ground,
    engine: Engine,
    tell: Tell,
    deliver: Deliver | None,
) -> JobRecord:
    """Score what is left of a job, and publish it."""
    plan, done = begun
    chunks = chunks_of(plan)
    done = {n: s for n, s in done.items() if _is_there(target, chunks[n], s)}
    left = [chunk for chunk in chunks if chunk.number not in done]
    bundle = ground.bundles.get(version.blob, version.digest)
    scratch = _scratch(target)
    work = Work(
        bundle=str(bundle.path), keys=str(ground.keys), digest=plan.digest, version=plan.version,
        endpoint=plan.endpoint, time_us=plan.begun_us, form=plan.form, keep=plan.keep,
        caller_id=plan.job.caller_id, unit=plan.job.unit, on_error=plan.job.on_error,
        stride=max(1, plan.rows // PROFILE_ROWS), scratch=str(scratch),
        allow_pickle=plan.job.allow_pickle,
    )  # fmt: skip
    tell(_progress(plan, done))
    if left:
        for scored in engine.run(work, left):
            _commit(manifest, target, scratch, chunks[scored.chunk], scored)
            done[scored.chunk] = scored
            tell(_progress(plan, done))
    _check_version(ground.registry, plan)
    names = [ID, *plan.keep, *answer_names(version.signature.outputs)]
    finished = Finished(plan, target, chunks, done)
    if deliver is not None:
        deliver(finished)
    try:
        return publish(
            finished, names, reference_of(bundle), ground.store, ground.blobs, ground.clock
        )
    except OSError as error:
        raise unwritten(target.working, error) from error


def _is_there(target: Target, chunk: Chunk, scored: Scored) -> bool:
    """Whether a chunk that was committed is whole: a disk may have lost what it held."""
    try:
        size_bytes = (target.working / chunk.part).stat().st_size
    except FileNotFoundError:
        size_bytes = 0
    return size_bytes == scored.size_bytes


def _scratch(target: Target) -> Path:
    """An empty folder for this run; what is left of those before is removed."""
    for left in target.own.glob("scratch-*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = target.own / f"scratch-{os.getpid()}"
    try:
        scratch.mkdir()
    except OSError as error:
        raise unwritten(scratch, error) from error
    return scratch


def _commit(
    manifest: Manifest, target: Target, scratch: Path, chunk: Chunk, scored: Scored
) -> None:
    """Give the files of a chunk their names, the part last, then note that it is done."""
    chunks, part = target.own / "chunks", target.working / chunk.part
    try:
        for what in (LOG, PROFILE, REJECTS):
            written = scratch_file(scratch, chunk.number, what)
            if written.exists():
                written.replace(scratch_file(chunks, chunk.number, what))
        sync(chunks)
        if scored.size_bytes:
            part.parent.mkdir(parents=True, exist_ok=True)
            scratch_file(scratch, chunk.number, PART).replace(part)
            sync(part.parent)
        manifest.commit(scored)
    except OSError as error:
        raise unwritten(part, error) from error


def _progress(plan: Plan, done: dict[int, Scored]) -> Progress:
    rejected = sum(scored.rejected for scored in done.values())
    answered = sum(scored.rows for scored in done.values())
    return Progress(plan.rows, answered + rejected, rejected)


def _check_version(registry: Registry, plan: Plan) -> None:
    """See that the version is still what it was: nobody could look its predictions up.

    Raises:
        ConflictError: it was removed, or is another now.
    """
    try:
        digest = registry.resolve(plan.version).digest
    except NotFoundError:
        digest = ""
    if digest != plan.digest:
        raise ConflictError(
            f"{plan.version} was removed while the job ran; nothing was published.",
            hint="Register it again and run the job again, or remove the unfinished output.",
        )
