"""What a student is made of, as a step says it."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.bundle import Step
from fairlead.compress.settings import take
from fairlead.errors import ConfigError

NAME = "distil"
MADE = 20_000
"""Rows that are made beside those given."""

COLUMNS_MAX = 4096
"""More than these are not what a small network reads."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a student is made of.

    Args:
        hidden: units of its network.
        pieces: ranges that each column is cut into.
    """

    hidden: int
    pieces: int


def read_recipe(step: Step) -> Recipe:
    """The recipe that a step asks for.

    Raises:
        ConfigError: it has other settings than these.

    Example:
        >>> read_recipe(Step(method="distil", settings={"hidden": 8}))
        Recipe(hidden=8, pieces=1)
    """
    given = take(step, {"hidden": 32, "pieces": 1})
    for name, value in given.items():
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f"Setting '{name}' of '{NAME}' must be a whole number from 1.")
    return Recipe(int(given["hidden"]), int(given["pieces"]))
