"""The page's modules as one script: from file:// a browser fetches no module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


def join_modules(entry: str, folders: Sequence[Path]) -> str:
    """Write a module and those that it imports into one script, each once, in order of need.

    Each becomes a function that gives what the module exports. Modules import and export by plain
    names alone, and never in a ring.

    Args:
        entry: the module that starts the page.
        folders: where modules lie.
    """
    parts: dict[str, str] = {}

    def take(name: str) -> None:
        if name in parts:
            return
        text = next(file for folder in folders if (file := folder / name).exists()).read_text()
        for _, needed in _IMPORT.findall(text):
            take(needed)
        given = ", ".join(exported for _, exported in _EXPORT.findall(text))
        text = _EXPORT.sub(r"\1", _IMPORT.sub(r'const \1 = modules["\2"];\n', text)).strip()
        parts[name] = f'modules["{name}"] = (() => {{\n{text}\nreturn {{ {given} }};\n}})();\n'

    take(entry)
    return '"use strict";\n{\nconst modules = {};\n\n' + "\n".join(parts.values()) + "}\n"
