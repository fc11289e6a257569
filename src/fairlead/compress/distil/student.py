"""A student: what it is made of, how it is taught, and its nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import helper

from fairlead.compress.distil.fit import Network, fit_network
from fairlead.compress.distil.front import Front, front_nodes, make_front
from fairlead.compress.distil.goal import Goal
from fairlead.compress.distil.grow import grow_trees
from fairlead.compress.distil.network import network_nodes
from fairlead.compress.distil.types import Recipe, TreesRecipe
from fairlead.compress.graph import Array, Node
from fairlead.compress.trees.types import Trees
from fairlead.compress.trees.write import tree_nodes

Part = tuple[list[Node], dict[str, Array], str]
"""Nodes, constants by name, and the tensor that they make."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A network, and how it looks at a row."""

    front: Front
    network: Network


@dataclass(frozen=True, slots=True, eq=False)
class Student:
    """A student that was taught.

    Args:
        core: what its own numbers come from.
        goal: that it was taught.
    """

    core: Seen | Trees
    goal: Goal

    def nodes(self, x: str, stem: str) -> Part:
        """It as nodes, constants by name, and the tensor of its answers, in single precision."""
        if isinstance(self.core, Trees):
            nodes, constants, tensor = _trees_part(self.core, x, stem)
        else:
            nodes, constants, tensor = _network_part(self.core, self.goal, x, stem)
        if self.goal.form != "values" and not self.goal.inside:
            given = {"axis": 1} if self.goal.form == "softmax" else {}
            op = self.goal.form.capitalize()
            nodes.append(helper.make_node(op, [tensor], [f"{stem}_answer"], **given))
            tensor = f"{stem}_answer"
        return nodes, constants, tensor


def teach(x: Array, goal: Goal, recipe: Recipe, *, seed: int) -> Student:
    """Teach a student what is answered to rows, (rows, columns)."""
    if isinstance(recipe, TreesRecipe):
        return Student(grow_trees(x, goal, recipe, seed=seed), goal)
    front = make_front(x, recipe.pieces)
    network = fit_network(front(x), goal, recipe.hidden, seed=seed)
    return Student(Seen(front, network), goal)


def _network_part(core: Seen, goal: Goal, x: str, stem: str) -> Part:
    seen, held, tensor = front_nodes(core.front, x, f"{stem}_front")
    nodes, constants, tensor = network_nodes(core.network, goal, tensor, stem)
    return [*seen, *nodes], {**held, **constants}, tensor


def _trees_part(trees: Trees, x: str, stem: str) -> Part:
    single = helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
    flat = [
        helper.make_node("Cast", [x], [f"{stem}_single"], to=single),
        helper.make_node("Flatten", [f"{stem}_single"], [f"{stem}_flat"], axis=1),
    ]
    nodes, constants, tensor = tree_nodes(trees, f"{stem}_flat", stem)
    return [*flat, *nodes], constants, tensor
