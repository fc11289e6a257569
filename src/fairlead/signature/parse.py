"""Reading JSON of any shape, with an explanation where it cannot be read."""

from __future__ import annotations

import re

import msgspec

from fairlead.errors import InputError

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding a body may raise: not JSON, of another type, not UTF-8, nested too deep."""

_POSITION = re.compile(r" \(byte (\d+)\)$")
_TOKENS = (b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"-inf")


def parse_json(raw: bytes) -> object:
    """Read JSON into plain Python objects.

    Raises:
        InputError: it cannot be read; says where and why, and quotes nothing of it.

    Example:
        >>> parse_json(b'{"rows": [1.5, null]}')
        {'rows': [1.5, None]}
    """
    if not raw.strip():
        raise InputError("The body is empty.", hint="Send JSON.")
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise InputError(
            "The JSON is nested too deep.", hint="Rows are objects or lists in one list."
        ) from None
    except UnicodeError:
        raise InputError(_not_utf8(raw), hint="Encode the body as UTF-8.") from None
    except msgspec.ValidationError:
        raise InputError(
            "The JSON holds a number beyond the range of a double.",
            hint="Numbers reach to about 1.8e308.",
        ) from None
    except msgspec.DecodeError as error:
        raise _malformed(raw, str(error)) from None


def _not_utf8(raw: bytes) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"The body is not UTF-8: byte {error.start} is no part of a character."
    return "The body holds half a surrogate pair, which is no character."


def _malformed(raw: bytes, error: str) -> InputError:
    found = _POSITION.search(error)
    if found is None:
        return InputError(
            "The JSON ends too early, or an escape in it is cut short.",
            hint="Check that the whole body was sent.",
        )
    position = int(found[1])
    if raw.startswith(_TOKENS, max(position - 1, 0)) or raw.startswith(_TOKENS, position):
        return InputError(
            f"Byte {position} is NaN or Infinity, which JSON does not have.",
            hint="Write null for a missing value.",
        )
    if raw[:1] in (b"\xef", b"\xff", b"\xfe"):
        return InputError(
            "The body starts with a byte order mark.", hint="Encode it as UTF-8 without one."
        )
    reason = error[: found.start()].removeprefix("JSON is malformed: ")
    return InputError(
        f"The JSON is malformed at byte {position}: {reason}.",
        hint="Check quotes, commas and brackets just before it.",
    )
