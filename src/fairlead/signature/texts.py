"""Values written as text, in a cell of a CSV or a part of a form, as their field has them.

What the text does not hold stays text, and the exact reader of the field refuses it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence

import msgspec

from fairlead.signature.parse import UNREADABLE
from fairlead.signature.read import NUMBER, families
from fairlead.signature.types import NUMERIC, Field, Scalar

_DIGITS = re.compile(r"[0-9+\-.eE ]*")
_SECONDS = re.compile(r"\s*-?\d+(\.\d*)?\s*", re.ASCII)
_DATE = re.compile(r"\s*\d{8}\s*", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}

TextReader = Callable[[str], object]


def text_reader(field: Field) -> TextReader:
    """What turns text into a value of a field; empty text is a missing value.

    Numbers are decimal, booleans `true` or `false` in any case or `1` or `0`, times as in JSON
    (ISO 8601 or seconds since 1970), pictures and sound base64, tensors JSON.

    Example:
        >>> count = text_reader(Field(name="count", kind="integer"))
        >>> count("12"), count(""), count("twelve")
        (12.0, None, 'twelve')
    """
    read = _reader(field)
    return lambda text: None if text == "" else read(text)


def read_texts(field: Field, texts: Sequence[str]) -> list[object]:
    """Texts as `text_reader` has them, one for each row; numbers without a look at each text.

    Example:
        >>> read_texts(Field(name="age", kind="number"), ["42", "", "old"])
        [42.0, None, 'old']
    """
    # Of what these characters can write, `float` takes nothing but what is a number here.
    if field.kind in ("number", "integer") and _DIGITS.fullmatch("".join(texts)):
        with contextlib.suppress(ValueError):
            return [float(text) if text else None for text in texts]
    return list(map(text_reader(field), texts))


def _reader(field: Field) -> TextReader:
    if field.kind == "boolean":
        return _boolean
    if field.kind in NUMERIC:
        return _number
    if field.kind == "category":
        return _category_reader(field)
    return {"timestamp": _time, "tensor": _json}.get(field.kind, str)


def _number(text: str) -> object:
    return float(text) if NUMBER.fullmatch(text) else text


def _boolean(text: str) -> object:
    return _BOOLEANS.get(text.strip().lower(), text)


def _time(text: str) -> object:
    """Eight digits are a date without dashes, other numbers seconds."""
    return float(text) if _SECONDS.fullmatch(text) and not _DATE.fullmatch(text) else text


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except UNREADABLE:
        return text


def _category_reader(field: Field) -> TextReader:
    """Categories of text as they are; others by what was seen, or else by how they look."""
    kinds = families(field)
    if kinds == {"text"}:
        return str
    known: dict[str, Scalar] = {
        str(value): value for value in field.categories or () if isinstance(value, str)
    }
    numbers, booleans = "a number" in kinds, "a boolean" in kinds

    def read(text: str) -> object:
        if text in known:
            return known[text]
        if booleans and (not numbers or text.strip() not in ("0", "1")):
            value = _boolean(text)
            if value is not text:
                return value
        return _number(text) if numbers else text

    return read
