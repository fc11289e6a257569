"""JSON as Python and TensorFlow write it: with bare NaN and Infinity, which JSON does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from fairlead.signature import UNREADABLE, parse_json

T = TypeVar("T")

_TEXT_OR_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|NaN|Infinity', re.DOTALL)
"""A text that does not end is taken to the end of the body, so that each byte is seen once."""

_STANDARD = {b"NaN": b"null", b"Infinity": b"1e999"}


def standard(raw: bytes) -> bytes | None:
    """A body with `null` for NaN, and a number that no double holds for Infinity.

    A missing value is written NaN by pandas; an infinite one is nothing that a model takes, and
    is refused as such where it is read.

    Returns:
        The body as JSON has it; None if it holds no such token.

    Example:
        >>> standard(b'{"a": [NaN, "NaN"]}'), standard(b'{"a": "b"}')
        (b'{"a": [null, "NaN"]}', None)
    """
    if b"NaN" not in raw and b"Infinity" not in raw:
        return None
    written = _TEXT_OR_TOKEN.sub(lambda found: _STANDARD.get(found[0], found[0]), raw)
    return None if written == raw else written


def decode_lenient(decode: Callable[[bytes], T], raw: bytes) -> T | None:
    """Decode a body as it is, or else with its bare NaN and Infinity replaced.

    Args:
        decode: of msgspec.
        raw: the body.

    Returns:
        What was decoded; None if neither can be.
    """
    with suppress(*UNREADABLE):
        return decode(raw)
    written = standard(raw)
    if written is not None:
        with suppress(*UNREADABLE):
            return decode(written)
    return None


def parse_lenient(raw: bytes) -> object:
    """Read JSON into plain Python objects, NaN as None.

    Raises:
        InputError: it cannot be read; says where and why.
    """
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return parse_json(standard(raw) or raw)


def write_lenient(value: object) -> bytes:
    """Write JSON with bare NaN and Infinity where numbers are.

    Example:
        >>> write_lenient([1.5, float("nan"), float("-inf")])
        b'[1.5, NaN, -Infinity]'
    """
    raw = msgspec.json.encode(value)
    return raw if b"null" not in raw else json.dumps(value, ensure_ascii=False).encode()
