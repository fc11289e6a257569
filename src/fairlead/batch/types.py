"""The values of this package: a job, its plan, its chunks and its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from fairlead.records import Kind

Form = Literal["parquet", "arrow", "csv", "jsonl"]
"""What a file of rows is."""
OnError = Literal["reject", "fail"]
EngineName = Literal["local", "ray"]
"""Where chunks are scored; what comes of them is the same."""

MANIFEST_FORMAT = 1


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be scored, and where the answers go: all that a scheduler has to remember.

    Args:
        version: that answers: `churn:3`, `churn@champion`.
        inputs: files, folders and globs of them, URLs of objects; with `query` one database.
        output: a folder, or a `.csv` or `.jsonl` file.
        query: SQL whose rows are the input.
        endpoint: in whose log the predictions are kept; empty for the model's name.
        name: tells jobs apart whose inputs and version are the same, as those of a schedule
            are; prediction ids differ with it.
        keep: columns of the input that are written beside the answers; `*` for all.
        key: column by which answers are looked up, if they are published for that instead.
        caller_id: column with the rows' own ids, for the log.
        unit: column with the key of who each row is about, for the log.
        on_error: whether a row that does not fit is set aside, or ends the job.
        memory_mb: that it may take as a whole; 0 for half of the machine's.
        workers: threads or processes that score; 0 for one on each core.
        allow_pickle: whether a pickled payload may be loaded.
        engine: where it is scored.
        ray_address: of the Ray cluster; empty for a Ray of the job's own.
    """

    version: str
    inputs: tuple[str, ...]
    output: str
    query: str = ""
    endpoint: str = ""
    name: str = ""
    keep: tuple[str, ...] = ()
    key: str = ""
    caller_id: str = ""
    unit: str = ""
    on_error: OnError = "reject"
    memory_mb: int = 0
    workers: int = 0
    allow_pickle: bool = False
    engine: EngineName = "local"
    ray_address: str = ""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A part of a file that is read at once.

    Args:
        start: number of its first row.
        rows: how many.
        low: its first byte, of a file of lines.
        high: the byte after its last, of a file of lines.
    """

    start: int
    rows: int
    low: int = 0
    high: int = 0


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rows, as it was when the job began.

    Args:
        path: absolute.
        name: relative to what was named, for messages and the names of parts.
        form: what it is.
        digest: SHA-256 of its bytes, hex.
        size_bytes: how many these are.
        modified_ns: when it was written last.
        rows: how many it has.
        columns: the names of its columns and their types; of lines, as far as they are asked for.
        pieces: that it is read in.
        folders: columns that it has by the names of its folders, as texts; these are empty where
            a value is missing.
    """

    path: str
    name: str
    form: Form
    digest: str
    size_bytes: int
    modified_ns: int
    rows: int
    columns: dict[str, str]
    pieces: tuple[Piece, ...]
    folders: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a job was found to be when it began; the first line of its manifest.

    Args:
        key: digest of all that its output depends on.
        version: that answers: `churn:7`.
        digest: of its bundle.
        endpoint: in whose log the predictions are kept.
        job: as it was asked for.
        begun_us: when, microseconds since 1970; the time of its predictions.
        files: that it reads.
        keep: columns that are written beside the answers.
        form: of the parts.
        notes: what a reader should know.
        format: of the manifest.
    """

    key: str
    version: str
    digest: str
    endpoint: str
    job: Job
    begun_us: int
    files: tuple[InputFile, ...]
    keep: tuple[str, ...]
    form: Form
    notes: tuple[str, ...] = ()
    format: int = MANIFEST_FORMAT

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(file.rows for file in self.files)


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that one process scores at once, and that are committed together.

    Args:
        number: from 0, in the order of the input.
        file: that they are in.
        piece: of it.
        part: the file that the answers go to, relative to the output.
        seed: what the prediction ids are derived from.
    """

    number: int
    file: InputFile
    piece: Piece
    part: str
    seed: tuple[str, ...]


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a chunk: what the manifest says of it.

    Args:
        chunk: its number.
        rows: that were answered.
        rejected: rows that were set aside.
        size_bytes: of the part; 0 where no row was answered, and there is none.
    """

    chunk: int
    rows: int
    rejected: int
    size_bytes: int


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a job.

    Args:
        name: of the file.
        digest: SHA-256 of its bytes, hex.
        size_bytes: how many these are.
        rows: how many it has.
    """

    name: str
    digest: str
    size_bytes: int
    rows: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs from the version's reference.

    Args:
        field: its name.
        why: in a sentence.
    """

    field: str
    why: str


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is complete: `_job.json` in its output, and in the store.

    Args:
        key: digest of all that its output depends on.
        version: that answered.
        digest: of its bundle.
        endpoint: in whose log the predictions are.
        name: that the job was given.
        output: where the answers are, an absolute path.
        query: that the rows came from, if it was one.
        begun_us: when it began, microseconds since 1970; the time of its predictions.
        ended_us: when it was published.
        rows: that were answered.
        rejected: rows that were set aside.
        inputs: what was read.
        parts: files with answers.
        drifted: fields that differ from the reference.
        notes: what a reader should know.
    """

    key: str
    version: str
    digest: str
    endpoint: str
    name: str
    output: str
    query: str
    begun_us: int
    ended_us: int
    rows: int
    rejected: int
    inputs: tuple[Lineage, ...]
    parts: tuple[str, ...]
    drifted: tuple[Moved, ...] = ()
    notes: tuple[str, ...] = ()


JOBS = Kind("batch", JobRecord)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Args:
        rows: that it has.
        done: of these, in this run or before.
        rejected: of those that are done.
    """

    rows: int
    done: int
    rejected: int
