"""Forms with files, multipart/form-data: one part for each field, or several for several rows.

    curl -F photo=@cat.png -F age=4 -F unit=user-7 …

`unit` and `id` are whose the rows are, unless the model has fields of these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fairlead.errors import InputError
from fairlead.signature import Batch, Field, Signature, from_columns, text_reader
from fairlead.signature.envelope import WHOSE

FORM_TYPE = "multipart/form-data"
PARTS_MAX = 10_000
HEADERS_MAX = 8
BOUNDARY_LENGTH_MAX = 70  # of RFC 2046
CONTENT_TYPE_LENGTH_MAX = 1000

Keys = dict[str, list[str | None]]
Parts = dict[str, list[bytes]]


def read_form(signature: Signature, content_type: bytes, body: bytes) -> tuple[Batch, Keys]:
    """Read a form's rows.

    Args:
        signature: that they must fit.
        content_type: with the boundary.
        body: as sent.

    Returns:
        The rows, and the texts of the parts `unit` and `id`, of those that were sent.

    Raises:
        InputError: it is no form, or rows do not fit; names each row and field.
    """
    parts = _parts(body, _boundary(content_type))
    fields = {field.name: field for field in signature.inputs}
    keys: Keys = {}
    columns: dict[str, list[object]] = {}
    for name, values in parts.items():
        if name in fields:
            columns[name] = [_value(fields[name], value) for value in values]
        elif name in WHOSE:
            keys[name] = [_text(value) or None for value in values]
        else:
            columns[name] = list(values)  # to be refused, if that is the signature's will
    return from_columns(signature, columns), keys


def _value(field: Field, value: bytes) -> object:
    if field.kind in ("image", "audio"):
        return value or None
    return text_reader(field)(_text(value))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InputError("A part of the form that should be text is not UTF-8.") from None


def _boundary(content_type: bytes) -> bytes:
    boundary = b""
    if len(content_type) <= CONTENT_TYPE_LENGTH_MAX:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= BOUNDARY_LENGTH_MAX:
        raise InputError(
            f"The form's Content-Type has no boundary of 1 to {BOUNDARY_LENGTH_MAX} characters.",
            hint="Let the HTTP client write this header.",
        )
    return boundary


def _parts(body: bytes, boundary: bytes) -> Parts:
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks(), max_header_count=HEADERS_MAX)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise _broken() from None
    if not form.ended:
        raise _broken()
    return form.parts


def _broken() -> InputError:
    return InputError(
        "The body is not a form that can be read.", hint="Check that the whole body was sent."
    )


class _Form:
    """Takes what the parser finds."""

    def __init__(self) -> None:
        self.parts: Parts = {}
        self.ended = False
        self._count = 0
        self._header = b""
        self._value = b""
        self._name: str | None = None
        self._pieces: list[bytes] = []

    def callbacks(self) -> Any:
        """What the parser calls."""
        calls: dict[str, Callable[..., None]] = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._on_end,
        }
        return calls

    def _begin(self) -> None:
        self._count += 1
        if self._count > PARTS_MAX:
            raise InputError(
                f"The form has more than {PARTS_MAX} parts.", hint="Send several requests."
            )
        self._name, self._pieces = None, []

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            name = parse_options_header(self._value)[1].get(b"name")
            self._name = None if name is None else name.decode("utf-8", "replace")
        self._header = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(data[start:end])

    def _end(self) -> None:
        if self._name is None:
            raise InputError("A part of the form has no name.")
        self.parts.setdefault(self._name, []).append(b"".join(self._pieces))

    def _on_end(self) -> None:
        self.ended = True
