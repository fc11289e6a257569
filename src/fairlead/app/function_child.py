"""The process of a function that a user measures by: loads it, then answers until asked no more.

Started as `python -m fairlead.app.function_child SOCKET FOLDER MODULE:FUNCTION`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fairlead.errors import ConfigError
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column

GIVEN = ("truth", "predicted", "probabilities")


class _Named:
    """A function that is given what it names."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._names = list(inspect.signature(function).parameters)
        if not self._names or not set(self._names) <= set(GIVEN):
            raise ConfigError(f"its arguments must be some of {', '.join(GIVEN)}")

    def predict(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """What it gives for rows, as `value`."""
        return {
            "value": np.asarray(self._function(**{name: columns[name] for name in self._names}))
        }


def main() -> None:
    """Entry of the process."""
    answer_questions(_load)


def _load(folder: str, name: str) -> _Named:
    module, _, function = name.partition(":")
    if not (Path(folder) / f"{module}.py").is_file():
        raise ConfigError(f"there is no file '{module}.py' beside fairlead.toml")
    sys.path.insert(0, folder)
    found = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise ConfigError(f"'{module}.py' has no function '{function}'")
    return _Named(found)


if __name__ == "__main__":
    main()
