"""CSV as SageMaker's own algorithms have it: rows by position, without a line of names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec

from fairlead.errors import InputError
from fairlead.signature import Signature

FIRST_BYTES_MAX = 1 << 16


def with_names(signature: Signature, body: bytes) -> bytes | None:
    r"""A CSV with the names of the fields in its first line.

    The first line is one of names if it has that of every field that must be given, or of any
    field where its width is not theirs; else it is a row, by position.

    Args:
        signature: that has the fields.
        body: as sent.

    Returns:
        The body, headed; None if it has no rows.

    Raises:
        InputError: the first line is neither.

    Example:
        >>> from fairlead.signature import Field
        >>> two = Signature(
        ...     inputs=(Field(name="a", kind="number"), Field(name="b", kind="text")), outputs=()
        ... )
        >>> with_names(two, b"1,x"), with_names(two, b"b,a\nx,1"), with_names(two, b"a,b\n")
        (b'a,b\n1,x', b'b,a\nx,1', None)
    """
    if not body.strip():
        return None
    cells = _first_line(body)
    names = [field.name for field in signature.inputs]
    needed = {field.name for field in signature.inputs if field.missing == "error"}
    known = set(cells) & set(names)
    if known and (needed <= known or len(cells) != len(names)):
        return body if body.partition(b"\n")[2].strip() else None
    if len(cells) != len(names):
        raise InputError(
            f"The first line of the CSV has {len(cells)} cells; expected names of fields, or a "
            f"value for each of the {len(names)} fields.",
            hint=f"The fields are, in this order: {', '.join(names)}.",
        )
    return _line(names).encode() + body.removeprefix(b"\xef\xbb\xbf")


def without_names(rows: Iterable[object]) -> bytes:
    r"""One line for each row; lists are spread over cells, what they hold is JSON if need be.

    Example:
        >>> without_names([1.5, None, "a,b", [0.25, [1]]])
        b'1.5\n""\n"a,b"\n0.25,[1]\n'
    """
    return "".join(
        _line(map(_cell, row if isinstance(row, list) else [row])) for row in rows
    ).encode()


def _first_line(body: bytes) -> Sequence[str]:
    text = body[:FIRST_BYTES_MAX].decode("utf-8-sig", "replace")
    try:
        return next(csv.reader(io.StringIO(text, newline="")), ())
    except csv.Error:
        return ()


def _line(cells: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue()


def _cell(value: object) -> object:
    is_plain = value is None or isinstance(value, str | float)
    return value if is_plain else msgspec.json.encode(value).decode()
