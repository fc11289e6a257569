"""Which of Fairlead's own files some of its modules need, found in their source, not by running."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "fairlead"


def source_files(modules: tuple[str, ...]) -> dict[str, Path]:
    """The files of modules and of all of Fairlead that these import, by their paths in a package.

    What stands under `if TYPE_CHECKING` is left out; what is imported inside a function counts.

    Args:
        modules: such as `fairlead.device`.

    Example:
        >>> sorted(source_files(("fairlead.nearest",)))
        ['fairlead/__init__.py', 'fairlead/nearest.py']
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        waiting.append(module.rpartition(".")[0] or PACKAGE)
        path = _file_of(module)
        if path is None:  # a name in a module, not a module
            continue
        found[f"{PACKAGE}/{path.relative_to(ROOT).as_posix()}"] = path
        if module != PACKAGE:  # whose names are imported when they are used
            waiting += _imported(ast.parse(path.read_text(encoding="utf-8")))
    return found


def _file_of(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split(".")[1:])
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Fairlead's modules that are imported, and names that may be modules."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from (name for each in node.orelse for name in _imported(each))
            case ast.Import():
                yield from (each.name for each in node.names if _is_ours(each.name))
            case ast.ImportFrom(module=str(module)) if _is_ours(module):
                yield from (f"{module}.{each.name}" for each in node.names)
            case _:
                yield from _imported(node)


def _is_ours(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")
