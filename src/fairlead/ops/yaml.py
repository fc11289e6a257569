"""Plain values as YAML, as people write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[a-z_/][\w./ -]*(?<! )|\d+[smhd]", re.ASCII | re.IGNORECASE)
_READ_OTHERWISE = re.compile(r"true|false|yes|no|on|off|y|n|null", re.IGNORECASE)


def yaml(value: object) -> str:
    r"""Write a value.

    Args:
        value: of mappings, sequences, texts, numbers and booleans.

    Example:
        >>> yaml({"rules": [{"alert": "Down", "expr": "up == 0"}], "for": "5m", "empty": []})
        "rules:\n  - alert: Down\n    expr: 'up == 0'\nfor: 5m\nempty: []\n"
    """
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: object) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key, inner in value.items():
                yield from _under(f"{key}:", inner)
        case Sequence() if value and not isinstance(value, str):
            for inner in value:
                first, *rest = _lines(inner)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case _:
            yield _scalar(value)


def _under(key: str, value: object) -> Iterator[str]:
    if value and isinstance(value, Mapping | list | tuple):
        yield key
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{key} {_scalar(value)}"


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and not _READ_OTHERWISE.fullmatch(value):
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
    return f'"{"".join(escaped)}"'
