"""How a student looks at a row: each column as shares of the ranges that it lies above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import helper

from fairlead.compress.graph import Array, Node

TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What is done with a matrix of numbers before a network takes it.

    A range says 0 below it, 1 above it, and how far a number has come within; so nothing lies
    further out than the rows that a student learnt from. A missing number is filled, and told of
    where one was missing among those rows.

    Args:
        columns: that each range is of.
        low: where it starts.
        slope: one over its length; 0 for one of no length.
        fill: what stands for a missing number of each column.
        told: columns of which it is told that they are missing.
    """

    columns: Array
    low: Array
    slope: Array
    fill: Array
    told: Array

    def __call__(self, x: Array) -> Array:
        """The ranges, (rows, ranges + told), of rows (rows, columns)."""
        x = np.asarray(x, np.float32)
        missing = np.isnan(x)
        filled = np.where(missing, self.fill, x)
        ranges = np.clip((filled[:, self.columns] - self.low) * self.slope, 0, 1)
        return np.concatenate([ranges, missing[:, self.told].astype(np.float32)], axis=1)


def make_front(x: Array, pieces: int) -> Front:
    """Ranges between quantiles of the rows: as many in each column, where there are.

    Args:
        x: (rows, columns), NaN where a number is missing.
        pieces: ranges of a column; with 1 they reach from the least to the greatest.
    """
    x = np.asarray(x, np.float32)
    columns: list[int] = []
    edges: list[tuple[float, float]] = []
    fill = np.zeros(x.shape[1], np.float32)
    for place, column in enumerate(x.T):
        known = column[np.isfinite(column)]
        if not len(known):
            known = np.zeros(1, np.float32)
        fill[place] = np.median(known)
        ends = np.unique(np.quantile(known, np.linspace(0, 1, pieces + 1)))
        pairs = list(pairwise(ends))
        if pieces == 1 and not pairs:
            pairs = [(float(ends[0]), float(ends[0]))]  # a constant column keeps its place
        columns += [place] * len(pairs)
        edges += pairs
    low, high = np.array(edges, np.float64).reshape(-1, 2).T
    length = high - low
    slope = np.where(length > TINY, 1 / np.where(length > TINY, length, 1.0), 0.0)
    return Front(
        np.array(columns, np.int64), low.astype(np.float32), slope.astype(np.float32), fill,
        np.flatnonzero(np.isnan(x).any(axis=0)),
    )  # fmt: skip


def front_nodes(front: Front, x: str, stem: str) -> tuple[list[Node], dict[str, Array], str]:
    """The same in a graph.

    Args:
        front: what is done.
        x: the tensor, (rows, ...) of any type of numbers.
        stem: of the names.

    Returns:
        Nodes, constants by name, and the name of the tensor that they make.
    """
    nodes: list[Node] = []
    constants: dict[str, Array] = {}

    def add(op: str, inputs: Sequence[str], **given: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [f"{stem}_{len(nodes)}"], **given))
        return str(nodes[-1].output[0])

    def hold(name: str, values: Array) -> str:
        constants[f"{stem}_{name}"] = values
        return f"{stem}_{name}"

    flat = add("Flatten", [add("Cast", [x], to=1)], axis=1)
    missing = add("IsNaN", [flat])
    tensor = add("Where", [missing, hold("fill", front.fill), flat])
    if not np.array_equal(front.columns, np.arange(len(front.fill))):
        places = hold("columns", front.columns.astype(np.int32))
        tensor = add("Gather", [tensor, places], axis=1)
    tensor = add("Sub", [tensor, hold("low", front.low)])
    tensor = add("Mul", [tensor, hold("slope", front.slope)])
    ends = [hold("zero", np.array(0, np.float32)), hold("one", np.array(1, np.float32))]
    tensor = add("Clip", [tensor, *ends])
    if len(front.told):
        places = hold("told", front.told.astype(np.int32))
        told = add("Cast", [add("Gather", [missing, places], axis=1)], to=1)
        tensor = add("Concat", [tensor, told], axis=1)
    return nodes, constants, tensor
