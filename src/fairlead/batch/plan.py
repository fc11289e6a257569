"""How the input of a job is cut into chunks, named, and told from another's."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from fairlead.batch.types import Chunk, Form, InputFile, Job, Piece, Plan
from fairlead.errors import ConfigError

CHUNK_ROWS = 131_072
"""As many doubles are in a page of Parquet, as most libraries write it: none is unpacked twice."""
CHUNK_BYTES = 32 * 1024 * 1024
"""Of a chunk's rows as they are read; a process takes some times as much while it scores them."""
WORKING = 12
"""Bytes that a process takes for each byte of a chunk, at the worst that was measured."""
BASE_BYTES = 220 * 1024 * 1024
"""That a process takes before it reads a row: interpreter, libraries and a model."""
CHUNK_BYTES_MIN = 512 * 1024
ROWS_MIN = 64
ENDINGS: dict[Form, str] = {"parquet": "parquet", "arrow": "arrow", "csv": "csv", "jsonl": "jsonl"}


def size_chunks(memory_bytes: int, workers: int) -> tuple[int, int]:
    """How large chunks may be, and how many processes may work on them at once.

    Fewer processes come before smaller chunks, so that where there is enough for one the chunks,
    and with them the parts, are the same on every machine.

    Args:
        memory_bytes: for all processes together, the one that asks included.
        workers: that are wanted.

    Returns:
        Bytes of a chunk, and processes; one scores in the process that asks.

    Raises:
        ConfigError: there is not enough for one process.

    Example:
        >>> size_chunks(8 << 30, 8) == (CHUNK_BYTES, 8), size_chunks(900 << 20, 8)[1]
        (True, 1)
    """
    working = BASE_BYTES + WORKING * CHUNK_BYTES
    beside = (memory_bytes - BASE_BYTES) // working
    if workers > 1 and beside > 1:
        return CHUNK_BYTES, min(workers, beside)
    chunk_bytes = min(CHUNK_BYTES, (memory_bytes - BASE_BYTES) // WORKING)
    if chunk_bytes < CHUNK_BYTES_MIN:
        least_mb = -(-(BASE_BYTES + WORKING * CHUNK_BYTES_MIN) // 1_000_000)
        raise ConfigError(
            f"A batch job cannot do with {memory_bytes // 1_000_000} MB of memory.",
            hint=f"Allow it at least {least_mb} MB.",
        )
    return chunk_bytes, 1


def cut(rows: int, row_bytes: float, chunk_bytes: int) -> tuple[Piece, ...]:
    """Cut a file of columns into pieces of equal size, the last one apart.

    Args:
        rows: of the file.
        row_bytes: of a row in memory.
        chunk_bytes: that a piece may have.

    Example:
        >>> cut(5, 100.0, 200_000), len(cut(100_000, 1000.0, 1_000_000))
        ((Piece(start=0, rows=5, low=0, high=0),), 100)
    """
    step = max(ROWS_MIN, min(CHUNK_ROWS, int(chunk_bytes / max(row_bytes, 1.0))))
    return tuple(Piece(start, min(step, rows - start)) for start in range(0, rows, step))


def chunks_of(plan: Plan) -> list[Chunk]:
    """The chunks of a job, in the order of its input."""
    seen: Counter[str] = Counter()
    stems = _stems(plan.files)
    found: list[Chunk] = []
    for file, stem in zip(plan.files, stems, strict=True):
        twin = str(seen[file.digest])
        seen[file.digest] += 1
        told = (f"{key}={value}" for key, value in sorted(file.folders.items()))
        seed = (plan.endpoint, plan.job.name, plan.digest, file.digest, twin, *told)
        alone = replace(file, pieces=())  # it passes between processes
        for place, piece in enumerate(file.pieces):
            part = f"{stem}-{place:05d}.{ENDINGS[plan.form]}"
            found.append(Chunk(number=len(found), file=alone, piece=piece, part=part, seed=seed))
    return found


def _stems(files: Iterable[InputFile]) -> Iterator[str]:
    """What the names of a file's parts begin with: its own, without the ending, if that is free."""
    taken: set[str] = set()
    for file in files:
        path = PurePosixPath(file.name)
        stem = path.with_suffix("").as_posix().lstrip("_.") or "rows"
        while stem in taken:
            stem += "_"
        taken.add(stem)
        yield stem


def key_of(
    job: Job, digest: str, endpoint: str, keep: tuple[str, ...], form: Form,
    sources: tuple[str, ...], files: Iterable[InputFile],
) -> str:  # fmt: skip
    """The digest of all that a job's output depends on.

    Args:
        job: as it was asked for.
        digest: of the bundle.
        endpoint: in whose log the predictions are kept.
        keep: columns that are kept.
        form: of the parts.
        sources: of what was copied.
        files: that it reads.
    """
    inputs = [(file.name, file.digest) for file in files]
    own = (job.name, job.caller_id, job.unit, job.on_error)
    told = (digest, endpoint, own, keep, form, sources, inputs)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def differences(before: Plan, after: Plan) -> list[str]:
    """What tells a job from one that was begun before, in words; empty if they are the same."""
    if before.key == after.key:
        return []
    found = []
    if before.digest != after.digest:
        found.append(f"it was begun with {before.version}, not {after.version}")
    old = {file.name: file.digest for file in before.files}
    new = {file.name: file.digest for file in after.files}
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    found += [f"{name} has changed since" for name in changed[:3]]
    for names, what in ((old.keys() - new.keys(), "without"), (new.keys() - old.keys(), "with")):
        found += [f"it is now asked for {what} {name}" for name in sorted(names)[:3]]
    return found or ["its options are others"]
