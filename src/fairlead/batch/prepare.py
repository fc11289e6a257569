"""What a job is: its version, its files, its columns; found before any row is scored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec.structs import replace

from fairlead.batch.fetch import sources_of
from fairlead.batch.find import Found
from fairlead.batch.folders import with_folders
from fairlead.batch.inspect import check_alike, inspect_file, with_types
from fairlead.batch.plan import key_of
from fairlead.batch.score import selecting
from fairlead.batch.types import Form, InputFile, Job, Plan
from fairlead.batch.write import check_names, check_types
from fairlead.errors import ConfigError
from fairlead.names import check_name
from fairlead.nearest import nearest
from fairlead.registry import Version
from fairlead.signature import NUMERIC, Signature

ALL = "*"
LOOKING = 4
"""Files that are looked through at once."""


def make_plan(
    job: Job, version: Version, found: Sequence[Found], form: Form, chunk_bytes: int, now_us: int
) -> Plan:
    """Look through the input of a job.

    Args:
        job: as it is asked for.
        version: that answers.
        found: the files of its input.
        form: of its output.
        chunk_bytes: that a chunk may have.
        now_us: microseconds since 1970.

    Raises:
        ConfigError: there are no rows, a file cannot be read, a column is missing, or files
            differ.
    """
    endpoint = job.endpoint or version.model
    check_name(endpoint, "endpoint")
    signature = selecting(version.signature)
    own = [name for name in (job.caller_id, job.unit) if name]
    fields = [field.name for field in signature.inputs]
    every = ALL in job.keep
    wanted = None if every else list(dict.fromkeys([*fields, *job.keep, *own]))
    look = partial(inspect_file, wanted=wanted, chunk_bytes=chunk_bytes)
    with ThreadPoolExecutor(LOOKING) as threads:  # to digest a file leaves the interpreter free
        files = with_folders(with_types(list(threads.map(look, found))))
    empty = tuple(f"{file.name} has no rows." for file in files if not file.rows)
    files = tuple(file for file in files if file.rows)
    if not files:
        raise ConfigError(f"There are no rows in {', '.join(each.name for each in found)}.")
    keep = tuple(files[0].columns) if every else tuple(dict.fromkeys(job.keep))
    check_names(signature.outputs, keep)
    check_types(files[0].columns, keep, form)
    check_alike(files, [*fields, *keep, *own], [*keep, *own])
    notes = _check_columns(files[0], signature, [*keep, *own])
    return Plan(
        key=key_of(job, version.digest, endpoint, keep, form, sources_of(job), files),
        version=version.name,
        digest=version.digest,
        endpoint=endpoint,
        job=replace(job, inputs=()),  # a URL may hold a secret
        begun_us=now_us,
        files=files,
        keep=keep,
        form=form,
        notes=(*empty, *notes),
    )


def leaves_interpreter(version: Version, forms: Collection[Form]) -> bool:
    """Whether libraries alone read and score rows, so that threads are not in each other's way.

    Texts and categories are Python's own values, and lines are cut by Python.

    Args:
        version: that answers.
        forms: of the input's files.
    """
    free = {*NUMERIC, "timestamp", "tensor"}
    plain = all(field.kind in free for field in version.signature.inputs)
    return version.runner == "onnx" and plain and {"parquet", "arrow"}.issuperset(forms)


def _check_columns(file: InputFile, signature: Signature, kept: Sequence[str]) -> tuple[str, ...]:
    """See that a file of known columns has those that are needed; what it lacks is noted.

    Raises:
        ConfigError: it has not.
    """
    if file.form == "jsonl":
        return ()
    has = file.columns
    required = [f.name for f in signature.inputs if f.missing == "error"]
    missing = [name for name in (*required, *kept) if name not in has]
    if missing:
        close = nearest(missing[0], has)
        raise ConfigError(
            f"{file.path} has no column '{missing[0]}'.",
            hint=f"Did you mean '{close}'?" if close else f"It has: {', '.join(has)}.",
        )
    optional = (f.name for f in signature.inputs if f.name not in has)
    return tuple(f"There is no column '{name}': it counts as missing." for name in optional)
