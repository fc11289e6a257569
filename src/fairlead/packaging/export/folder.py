"""Taking over a folder with a Python class."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fairlead.bundle import Receipt, RunnerSpec, Tolerance
from fairlead.errors import ExportError, FairleadError
from fairlead.packaging.export.types import Exported, Reference
from fairlead.runners.python import PythonRunner, as_batch
from fairlead.signature import Batch, Column, Field, Signature, Task
from fairlead.signature.infer import infer_field
from fairlead.signature.tables import RawColumn

PAYLOAD = "python"
ENTRY = "model.py"
FILES_MAX = 1000
SIZE_MAX_BYTES = 1 << 30
SKIPPED = ("__pycache__",)
TIMEOUT_S = 60.0
ROWS = 100
TOLERANCE = Tolerance(absolute=1e-6, relative=1e-6)
TASKS: dict[str, Task] = {"label": "classification", "prediction": "regression"}


def export_python(folder: Path, reference: Reference) -> Exported:
    """Take over a folder whose `model.py` has a class `Model` with `load()` and `predict(batch)`.

    Args:
        folder: with plain files only; hidden ones and caches are left out.
        reference: rows that the model takes.

    Returns:
        The export; the receipt holds what the class answers in a process of its own, and the
        output fields are inferred from that.

    Raises:
        ExportError: a file is missing, a link or too large, or the class does not answer.
    """
    files: dict[str, bytes | Path] = dict(_files(folder))
    _check_entry(folder)
    fields = reference.signature.inputs
    rows = reference.batch.take(slice(0, ROWS))
    columns = _ask(folder, Signature(inputs=fields, outputs=()), rows)
    outputs = tuple(_output(name, column) for name, column in columns.items())
    task: Task = next((TASKS[f.name] for f in outputs if f.name in TASKS), "other")
    return Exported(
        inputs=fields,
        outputs=outputs,
        task=task,
        framework="Python",
        runner=RunnerSpec(kind="python", path=PAYLOAD),
        files=files,
        tolerance=TOLERANCE,
        trainable=None,
        receipt=Receipt(rows, as_batch(columns, outputs, rows.rows)),
        notes=("It runs code of its own, in a process of its own.",),
    )


def _ask(folder: Path, signature: Signature, rows: Batch) -> dict[str, Column]:
    """What the class answers, by name."""
    try:
        runner = PythonRunner(folder, signature, timeout_s=TIMEOUT_S)
        try:
            columns = runner.columns(rows)
        finally:
            runner.close()
    except FairleadError as error:
        raise ExportError(f"The class in {folder / ENTRY} does not answer: {error}") from None
    if not columns or any(column.shape[:1] != (rows.rows,) for column in columns.values()):
        raise ExportError(f"The class in {folder / ENTRY} does not answer one value for each row.")
    return columns


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files by their path in the bundle."""
    count = size_bytes = 0
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part in SKIPPED or part.startswith(".") for part in parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ExportError(f"{path} is not a plain file.", hint="Copy what it points to.")
        if path.is_dir():
            continue
        count, size_bytes = count + 1, size_bytes + path.stat().st_size
        if count > FILES_MAX or size_bytes > SIZE_MAX_BYTES:
            raise ExportError(
                f"{folder} holds more than {FILES_MAX} files or {SIZE_MAX_BYTES >> 20} MiB.",
                hint="Give a folder with the model alone.",
            )
        yield "/".join((PAYLOAD, *parts)), path


def _check_entry(folder: Path) -> None:
    """See without running it that the class is there."""
    entry = folder / ENTRY
    try:
        tree = ast.parse(entry.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ExportError(f"{entry} cannot be read as Python: {error}.") from None
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Model"]
    methods = {f.name for c in classes for f in c.body if isinstance(f, ast.FunctionDef)}
    if not {"load", "predict"} <= methods:
        raise ExportError(
            f"{entry} has no class `Model` with `load(self)` and `predict(self, batch)`.",
            hint="Name the class and its methods so.",
        )


def _output(name: str, column: Column) -> Field:
    if name == "label":
        known = tuple(sorted(set(column.tolist()), key=str))
        return Field(name=name, kind="category", dtype="object", categories=known)
    if column.ndim > 1:
        return Field(name=name, kind="tensor", dtype=column.dtype.name, shape=column.shape[1:])
    if column.dtype.kind == "f":
        return Field(name=name, kind="number", dtype=str(np.dtype(column.dtype).name))
    return infer_field(RawColumn(name, column, column.dtype.name))
