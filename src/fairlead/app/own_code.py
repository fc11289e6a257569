"""Functions that users write beside their settings: found, and told apart by their code."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigError

NOT_OWN = frozenset({"site-packages", "dist-packages", "fairlead"})


def load_function(folder: str, name: str) -> Callable[..., Any]:
    """Import a function; whatever its module raises is let through.

    Args:
        folder: of the file.
        name: of the module and the function: `my_metrics:cost`.

    Raises:
        ConfigError: there is no such file or function.
    """
    module, _, function = name.partition(":")
    if not (Path(folder) / f"{module}.py").is_file():
        raise ConfigError(f"there is no file '{module}.py' beside fairlead.toml")
    sys.path.insert(0, folder)
    found = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise ConfigError(f"'{module}.py' has no function '{function}'")
    return found  # type: ignore[no-any-return]


def code_digest(folder: str) -> str:
    """SHA-256 of the source of all modules of a folder that this process has imported.

    Libraries that are installed below the folder do not count, nor does what no import names.

    Args:
        folder: that a function was loaded from.
    """
    digest = hashlib.sha256()
    for path in sorted(set(_own(Path(folder).resolve()))):
        raw = path.read_bytes()
        name = path.relative_to(Path(folder).resolve()).as_posix()
        digest.update(b"%d:%s%d:%s" % (len(name), name.encode(), len(raw), raw))
    return digest.hexdigest()


def _own(folder: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or path.suffix != ".py" or not path.is_relative_to(folder):
            continue
        parts = path.relative_to(folder).parts
        if path.is_file() and not NOT_OWN & set(parts) and not parts[0].startswith("."):
            yield path
