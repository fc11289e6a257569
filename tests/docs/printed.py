"""Whether a page shows what its commands print, whatever the numbers and ids are this time."""

from __future__ import annotations

import json
import re

_ID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16,64}\b")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
ANY = "…"


def lacks(shown: str, printed: str) -> str | None:
    """The first line that is shown and was not printed, in this order; None if all were.

    Args:
        shown: on the page; `…` stands for anything, alone on a line for any lines.
        printed: in fact.

    Example:
        >>> lacks("rows 7  in 1.5 s", "rows 12 in 0.1 s"), lacks("rows", "row")
        (None, 'rows')
    """
    left = iter([_plain(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        if line.strip() in ("", ANY):
            continue
        pattern = ".*".join(re.escape(part) for part in _plain(line).split(ANY))
        if not any(re.fullmatch(pattern, other) for other in left):
            return line
    return None


def _plain(line: str) -> str:
    return " ".join(_NUMBER.sub("0", _ID.sub("ID", line)).split())


def lacks_json(shown: str, printed: str) -> str | None:
    """The keys and types of JSON that is shown, if no line of that form was printed.

    Example:
        >>> lacks_json('{"a": 1}', 'x' + chr(10) + '{"a": 2}'), lacks_json('{"a": 1}', '{"b": 1}')
        (None, "{'a': 'int'}")
    """
    wanted = _form(json.loads(shown))
    for line in printed.splitlines():
        try:
            if _form(json.loads(line)) == wanted:
                return None
        except json.JSONDecodeError:
            continue
    return str(wanted)


def _form(value: object) -> object:
    match value:
        case dict():
            return {key: _form(inner) for key, inner in value.items()}
        case list():
            return [_form(inner) for inner in value]
        case _:
            return type(value).__name__
