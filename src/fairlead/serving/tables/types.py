"""What passes between a worker and the process that reads and writes its tables."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.errors import Problem
from fairlead.runners.wire import Packed
from fairlead.signature import FieldKind, Signature

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"

ROWS_BYTES_MAX = 64 << 20
"""Of the rows of one table, unpacked."""


FAREWELL = b""
"""What a child sends when it was asked nothing for long, and will soon end."""


class ToRead(msgspec.Struct, frozen=True, tag="read"):
    """A table that a caller sent, or a body of JSON that is as large as one.

    Args:
        media_type: one of those above.
        body: as sent.
        signature: that the rows must fit.
        keys: names of columns that hold keys of the rows, not fields.
        rows_max: that it may have.
    """

    media_type: str
    body: bytes
    signature: Signature
    keys: tuple[str, ...]
    rows_max: int


class ToWrite(msgspec.Struct, frozen=True, tag="write"):
    """A table that a caller wants.

    Args:
        media_type: one of those above.
        columns: plain values, as for JSON, by name; all of one length.
        kinds: what they are.
    """

    media_type: str
    columns: dict[str, list[Any]]
    kinds: dict[str, FieldKind]


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """What was read.

    Args:
        rows: how many.
        columns: of the signature's inputs.
        keys: the texts of each column of keys; of JSON, its `unit` and `id`, where it has them.
        arm: that a body of JSON names; else empty.
    """

    rows: int
    columns: dict[str, Packed]
    keys: dict[str, list[str | None]]
    arm: str = ""


class Written(msgspec.Struct, frozen=True, tag="written"):
    """What was written.

    Args:
        body: the file.
    """

    body: bytes


class Wrong(msgspec.Struct, frozen=True, tag="wrong"):
    """Why a table cannot be read, as in `InputError`."""

    message: str
    problems: tuple[Problem, ...] = ()
    hint: str = ""


Question = ToRead | ToWrite
Told = Rows | Written | Wrong
