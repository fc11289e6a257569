"""The process of a function that a user measures by: loads it, then answers until asked no more.

Started as `python -m fairlead.app.function_child SOCKET FOLDER MODULE:FUNCTION`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fairlead.app.own_code import load_function
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
    return _Named(load_function(folder, name))


if __name__ == "__main__":
    main()
