"""A student: what it is made of, how it is taught, and its nodes."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.compress.distil.fit import Network, fit_network
from fairlead.compress.distil.front import Front, front_nodes, make_front
from fairlead.compress.distil.goal import Goal
from fairlead.compress.distil.network import network_nodes
from fairlead.compress.distil.types import Recipe
from fairlead.compress.graph import Array, Node


@dataclass(frozen=True, slots=True, eq=False)
class Student:
    """A student that was taught.

    Args:
        front: how it looks at a row.
        network: what it answers with.
        goal: that it was taught.
    """

    front: Front
    network: Network
    goal: Goal

    def nodes(self, x: str, stem: str) -> tuple[list[Node], dict[str, Array], str]:
        """It as nodes, constants by name, and the tensor of its answers."""
        seen, held, tensor = front_nodes(self.front, x, f"{stem}_front")
        nodes, constants, tensor = network_nodes(self.network, self.goal, tensor, stem)
        return [*seen, *nodes], {**held, **constants}, tensor


def teach(x: Array, goal: Goal, recipe: Recipe, *, seed: int) -> Student:
    """Teach a student what is answered to rows, (rows, columns)."""
    front = make_front(x, recipe.pieces)
    network = fit_network(front(x), goal, recipe.hidden, seed=seed)
    return Student(front, network, goal)
