"""A student: what it is made of, how it is taught, and its nodes."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.compress.distil.fit import Network, fit_network
from fairlead.compress.distil.front import Front, front_nodes, make_front
from fairlead.compress.distil.goal import Goal, make_goal
from fairlead.compress.distil.network import network_nodes
from fairlead.compress.graph import Array, Node


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a student is made of.

    Args:
        hidden: units of its network.
        pieces: ranges that each column is cut into.
    """

    hidden: int
    pieces: int


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


def teach(x: Array, answers: Array, recipe: Recipe, *, seed: int) -> Student:
    """Teach a student what was answered, (rows, width), to rows (rows, columns)."""
    front, goal = make_front(x, recipe.pieces), make_goal(answers)
    network = fit_network(front(x), goal.numbers, recipe.hidden, seed=seed)
    return Student(front, network, goal)
