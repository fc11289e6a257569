"""What a student is made of, as a step says it."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.bundle import Step
from fairlead.compress.settings import take
from fairlead.errors import ConfigError

NAME = "distil"
MADE = 100_000
"""Rows that are made beside those given, where a graph answers them."""
ASKED = 20_000
"""Rows that are made where any model is asked, which may be slow."""

COLUMNS_MAX = 4096
"""More than these are not what a small network reads."""

STRAY_MAX = 0.005
"""Share of labels that may be of another class than the one of the greatest number."""

DEFAULTS = {"hidden": 32, "pieces": 1, "trees": 32, "leaves": 16}


@dataclass(frozen=True, slots=True)
class NetworkRecipe:
    """What a student that is a network is made of.

    Args:
        hidden: units.
        pieces: ranges that each column is cut into.
    """

    hidden: int
    pieces: int


@dataclass(frozen=True, slots=True)
class TreesRecipe:
    """What a student of small trees is made of.

    Args:
        trees: for each number that it answers.
        leaves: of each tree, at most.
    """

    trees: int
    leaves: int


Recipe = NetworkRecipe | TreesRecipe


def read_recipe(step: Step) -> Recipe:
    """The recipe that a step asks for: trees if it says how many or of what size.

    Raises:
        ConfigError: it has other settings than these, or those of both.

    Example:
        >>> read_recipe(Step(method="distil", settings={"hidden": 8}))
        NetworkRecipe(hidden=8, pieces=1)
        >>> read_recipe(Step(method="distil", settings={"trees": 8}))
        TreesRecipe(trees=8, leaves=16)
    """
    given = take(step, DEFAULTS)
    for name, value in given.items():
        least = 2 if name == "leaves" else 1
        if not isinstance(value, int) or value < least:
            raise ConfigError(f"Setting '{name}' of '{NAME}' must be a whole number from {least}.")
    hidden, pieces, trees, leaves = (int(given[name]) for name in DEFAULTS)
    asked = set(step.settings)
    if not asked & {"trees", "leaves"}:
        return NetworkRecipe(hidden, pieces)
    if asked & {"hidden", "pieces"}:
        raise ConfigError(
            f"'{NAME}' makes either a network or trees.",
            hint="Set 'hidden' and 'pieces' for a network, or 'trees' and 'leaves' for trees.",
        )
    return TreesRecipe(trees, leaves)
