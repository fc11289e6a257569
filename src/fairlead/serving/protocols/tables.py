"""Tables in bodies and replies: CSV, Parquet and Arrow IPC. Blocks: for reads that are slow."""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from typing import Any

from fairlead.errors import FairleadError, InputError, MediaTypeError
from fairlead.runners.wire import unpack
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.message import Response
from fairlead.serving.negotiate import media_type
from fairlead.serving.tables.pool import Pool
from fairlead.serving.tables.types import (
    ARROW_FILE,
    ARROW_STREAM,
    CSV,
    JSON,
    PARQUET,
    Rows,
    ToRead,
    ToWrite,
    Written,
    Wrong,
)
from fairlead.serving.types import Answer, Part
from fairlead.signature import Batch, Field, FieldKind, Signature, to_columns
from fairlead.signature.columns import assemble
from fairlead.signature.envelope import Decoded

TABLE_TYPES = {
    CSV: CSV,
    "application/csv": CSV,
    PARQUET: PARQUET,
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
    ARROW_STREAM: ARROW_STREAM,
    ARROW_FILE: ARROW_FILE,
}
"""Media types of tables, with the one that stands for each."""

WRITTEN_TYPES = (CSV, PARQUET, ARROW_STREAM, ARROW_FILE)
"""What replies can be."""

ROWS_MAX = 10_000

Keys = dict[str, list[str | None]]

_POOL = Pool()
atexit.register(_POOL.close)


def read_table(
    endpoint: Endpoint, content_type: str, body: bytes, *, rows_max: int = ROWS_MAX
) -> Batch:
    """Read a table's rows.

    Columns are found by name, and checked as rows of JSON are. Blocks until another process has
    read it: to be called in a thread.

    Args:
        endpoint: whose signature the rows must fit.
        content_type: one of `TABLE_TYPES`; parameters after a semicolon are passed over.
        body: as sent.
        rows_max: that are taken.

    Raises:
        InputError: it is damaged, too large, or rows do not fit; names each row and field.
        MediaTypeError: it is no type of a table.
    """
    return read_keyed_table(endpoint, content_type, body, (), rows_max=rows_max)[0]


def read_keyed_table(
    endpoint: Endpoint, content_type: str, body: bytes, keys: Iterable[str], *, rows_max: int
) -> tuple[Batch, Keys]:
    """Read a table's rows, and the columns that hold no field but keys of the rows.

    Args:
        endpoint: as in `read_table`.
        content_type: as in `read_table`.
        body: as sent.
        keys: names of those columns. One that is also a field is both.
        rows_max: that are taken.

    Returns:
        The rows, and the texts of each of those columns.

    Raises:
        InputError: as in `read_table`; or there is no such column.
        MediaTypeError: as in `read_table`.
    """
    kind = TABLE_TYPES.get(media_type(content_type.encode("latin-1", "replace")))
    if kind is None:
        raise MediaTypeError("This is no type of a table.", hint=f"Send {', '.join(TABLE_TYPES)}.")
    signature = endpoint.route.signature
    batch, told = _read(ToRead(kind, body, signature, tuple(keys), rows_max))
    return batch, told.keys


def read_large_json(signature: Signature, body: bytes, *, rows_max: int) -> Decoded:
    """Read a native body as `Envelope.decode` does, in another process; blocks.

    A parser of JSON holds the interpreter until it is done, also in a thread: for the fifth of a
    second that 20 MB take nobody else would be answered.

    Raises:
        InputError: as of `Envelope.decode`, or the rows are too large.
    """
    batch, told = _read(ToRead(JSON, body, signature, (), rows_max))
    return batch, told.keys.get("unit"), told.keys.get("id"), told.arm


def _read(asked: ToRead) -> tuple[Batch, Rows]:
    told = _POOL.ask(asked)
    if isinstance(told, Wrong):
        raise InputError(told.message, told.problems, hint=told.hint)
    assert isinstance(told, Rows)
    columns = {name: unpack(packed) for name, packed in told.columns.items()}
    return assemble(asked.signature.inputs, told.rows, columns), told


def write_table(kind: str, answer: Answer) -> Response:
    """Write an answer as a table; blocks as `read_table` does.

    The columns are `id`, `version`, `arm` and the outputs. An output whose elements have names,
    such as `probabilities`, is one column for each name: `probabilities_yes`.

    Args:
        kind: media type of the reply, one of `TABLE_TYPES`.
        answer: to be written.
    """
    columns: dict[str, list[Any]] = {}
    kinds: dict[str, FieldKind] = {}
    for part in answer.parts:
        places = range(answer.rows) if part.places is None else part.places
        for name, field_kind, values in _columns(part):
            kinds[name] = field_kind
            column = columns.setdefault(name, [None] * answer.rows)
            for place, value in zip(places, values, strict=True):
                column[place] = value
    told = _POOL.ask(ToWrite(kind, columns, kinds))
    if not isinstance(told, Written):
        raise FairleadError("The answer cannot be written as a table.", hint="Ask for JSON.")
    return Response(200, told.body, kind.encode())


def _columns(part: Part) -> Iterable[tuple[str, FieldKind, list[Any]]]:
    yield "id", "text", part.ids.texts()
    yield "version", "text", [part.source.version] * part.ids.count
    yield "arm", "text", [part.source.arm] * part.ids.count
    listed = to_columns(part.fields, part.outputs)
    for field in part.fields:
        if _is_named(field):
            for name in map(str, field.categories or ()):
                yield f"{field.name}_{name}", "number", [row[name] for row in listed[field.name]]
        else:
            yield field.name, field.kind, listed[field.name]


def _is_named(field: Field) -> bool:
    """Whether it is one number for each of some names."""
    return field.kind == "tensor" and bool(field.categories) and len(field.shape) == 1
