"""What is in a file of rows: its digest, its columns, how many rows, and where to cut it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from msgspec.structs import replace

from fairlead.batch.find import Found
from fairlead.batch.folders import told_by
from fairlead.batch.lines import ROW_BYTES_MAX, cut_lines, rows_of
from fairlead.batch.plan import CHUNK_ROWS, cut
from fairlead.batch.types import Form, InputFile, Piece
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = 1000
SAMPLES = 8
"""Places that are looked at: the first rows of a file may be short, and the others long."""
TEXT = "String"
_KINDS = {bool: "Boolean", int: "Int64", float: "Float64"}
_INTEGER_MAX = 1 << 63


def inspect_file(found: Found, wanted: Sequence[str] | None, chunk_bytes: int) -> InputFile:
    """Look through a file.

    Args:
        found: the file.
        wanted: columns that will be read, as far as it has them; None for all.
        chunk_bytes: of a piece in memory.

    Raises:
        ConfigError: it is empty, or cannot be read as what its ending says.
    """
    stat = found.path.stat()
    if stat.st_size == 0:
        raise ConfigError(f"{found.path} is empty: it has no bytes at all.")
    with found.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    look = _frame if found.form in ("parquet", "arrow") else _lines
    columns, pieces = look(found, wanted, chunk_bytes)
    return InputFile(
        path=str(found.path),
        name=found.name,
        form=found.form,
        digest=digest,
        size_bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        rows=sum(piece.rows for piece in pieces),
        columns=columns,
        pieces=pieces,
        folders=told_by(found.name, columns, wanted),
    )


def is_same(file: InputFile) -> bool:
    """Whether a file is still what it was, by its size and time."""
    try:
        stat = Path(file.path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size_bytes, file.modified_ns)


def scan_frame(path: str, form: Form) -> pl.LazyFrame:
    """A file of columns, of which nothing is read yet; its name is no pattern.

    Parquet is read column by column: else some of its rows would take the memory of their whole
    row group, which may be the whole file.
    """
    import polars as pl

    if form == "parquet":
        return pl.scan_parquet(path, glob=False, hive_partitioning=False, parallel="columns")
    return pl.scan_ipc(path, glob=False, hive_partitioning=False)


def _frame(
    found: Found, wanted: Sequence[str] | None, chunk_bytes: int
) -> tuple[dict[str, str], tuple[Piece, ...]]:
    import polars as pl

    try:
        rows = scan_frame(str(found.path), found.form)
        schema = rows.collect_schema()
        count = int(rows.select(pl.len()).collect().item())
        some = [name for name in schema.names() if wanted is None or name in wanted]
        widths = {name: _width_bytes(schema[name]) for name in some}
        looked_at = [name for name, width_bytes in widths.items() if not width_bytes]
        row_bytes = _longest_bytes(rows.select(looked_at), count) + sum(widths.values())
    except (Exception, pl.exceptions.PanicException) as error:
        raise unreadable(found.path, found.form) from error
    columns = {name: str(dtype) for name, dtype in schema.items()}
    return columns, cut(count, row_bytes, chunk_bytes)


def _longest_bytes(rows: pl.LazyFrame, count: int) -> float:
    """Of a row, where the longest ones of those that are looked at lie."""
    starts = {place * max(count - SAMPLE_ROWS, 0) // (SAMPLES - 1) for place in range(SAMPLES)}
    samples = (rows.slice(start, SAMPLE_ROWS).collect() for start in sorted(starts))
    return max(sample.estimated_size() / max(sample.height, 1) for sample in samples)


def _width_bytes(dtype: pl.DataType) -> float:
    """Of a value of a type all of whose values are of one size; 0 of another."""
    import polars as pl

    if not (dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean):
        return 0.0
    return pl.Series([None] * 64, dtype=dtype).estimated_size() / 64


def unreadable(path: Path, form: Form) -> ConfigError:
    """That a file is not what its ending says."""
    names = {
        "parquet": "Parquet",
        "arrow": "an Arrow IPC file",
        "csv": "CSV",
        "jsonl": "JSON lines",
    }
    return ConfigError(
        f"{path} cannot be read as {names[form]}.",
        hint="It may be cut off or damaged: compare it with where it came from.",
    )


def _lines(
    found: Found, wanted: Sequence[str] | None, chunk_bytes: int
) -> tuple[dict[str, str], tuple[Piece, ...]]:
    with found.path.open("rb") as file:
        lines = iter(partial(_line, file, found.path), b"")
        rows = rows_of(lines, found.form)
        if found.form == "csv":
            head, low = next(rows, (b"", 0))
            columns = dict.fromkeys(header(head, found.path), TEXT)
            return columns, tuple(cut_lines(rows, low, chunk_bytes, CHUNK_ROWS))
        if wanted is None:
            raise ConfigError(
                f"Which columns {found.path} has is not known before all of it is read.",
                hint="Name those to keep, one by one.",
            )
        types = _Types(wanted)
        pieces = tuple(cut_lines(types.seen(rows), 0, chunk_bytes, CHUNK_ROWS))
        return types.found, pieces


def _line(file: BinaryIO, path: Path) -> bytes:
    line = file.readline(ROW_BYTES_MAX + 1)
    if len(line) > ROW_BYTES_MAX:
        raise ConfigError(f"A line of {path} is longer than {ROW_BYTES_MAX} bytes.")
    return line


def header(head: bytes, path: Path) -> list[str]:
    """The names in the first row of a CSV.

    Raises:
        ConfigError: they cannot be read, or one stands twice.
    """
    try:
        text = head.decode("utf-8-sig")
        names = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise unreadable(path, "csv") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        what = f"Two columns of {path} are named '{twice[0]}'." if twice else f"{path} is empty."
        raise ConfigError(what, hint="Begin with a line of names, each of them once.")
    return names


class _Types:
    """Finds the types that the columns of JSON lines have, of all rows together."""

    def __init__(self, wanted: Sequence[str]) -> None:
        names = {f"f{place}": name for place, name in enumerate(wanted)}
        row = msgspec.defstruct("Row", [(key, Any, None) for key in names], rename=names)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(row).decode
        self._names = names
        self.found: dict[str, str] = {}

    def seen(self, rows: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
        """The same rows, after a look at each."""
        for row, size_bytes in rows:
            if self._names:
                self._note(row)
            yield row, size_bytes

    def _note(self, row: bytes) -> None:
        try:
            read = self._decode(row)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return  # it will be rejected
        for key, name in self._names.items():
            value = getattr(read, key)
            if value is not None:
                kind = _kind(value)
                self.found[name] = common(self.found.get(name, kind), kind)


def _kind(value: object) -> str:
    if type(value) is int and not -_INTEGER_MAX <= value < _INTEGER_MAX:
        return TEXT
    return _KINDS.get(type(value), TEXT)


def common(one: str, other: str) -> str:
    """The type that holds values of both.

    Example:
        >>> common("Int64", "Float64"), common("Int64", "Boolean"), common("Int64", "Int64")
        ('Float64', 'String', 'Int64')
    """
    if one == other:
        return one
    return "Float64" if {one, other} == {"Int64", "Float64"} else TEXT


def check_alike(files: Sequence[InputFile], wanted: Sequence[str], kept: Sequence[str]) -> None:
    """See that files have the same columns, as far as these are read.

    Args:
        files: at least one.
        wanted: columns that will be read.
        kept: of these, columns that are written beside the answers, whose types must be equal.

    Raises:
        ConfigError: one differs; names it, the column and both types.
    """
    first = files[0]
    for file in files[1:]:
        for name in wanted:
            one, other = first.columns.get(name), file.columns.get(name)
            lines = "jsonl" in (first.form, file.form)
            if one == other or lines or (name not in kept and _agree(one, other)):
                continue
            said = [f"{type_}" if type_ else "no such column" for type_ in (one, other)]
            raise ConfigError(
                f"The files differ in column '{name}': {first.path} has {said[0]}, {file.path} "
                f"{said[1]}.",
                hint="Bring them to one type, or run a job for each.",
            )


def _agree(one: str | None, other: str | None) -> bool:
    """Whether a field may be read from both: as numbers of any width, or where all is missing."""
    if one is None or other is None:
        return False
    plain = all(each.startswith(("Int", "UInt", "Float")) for each in (one, other))
    return plain or "Null" in (one, other)


def with_types(files: Sequence[InputFile]) -> tuple[InputFile, ...]:
    """Files of JSON lines with the types that hold the values of all of them."""
    types: dict[str, str] = {}
    for file in files:
        for name, kind in file.columns.items():
            types[name] = common(types.get(name, kind), kind)
    return tuple(replace(file, columns=types) if file.form == "jsonl" else file for file in files)
