"""What flows between the steps of a pipeline inside a graph: columns of numbers and of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Graph

TextMissing = Literal["none", "nan"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a tensor.

    Args:
        tensor: its name in the graph.
        place: which of the tensor's columns.
        name: of the field, or empty where a step made it.
        text: whether it holds strings.
        missing: for text, what the original sees where a value is missing: None or NaN.
    """

    tensor: str
    place: int
    name: str = ""
    text: bool = False
    missing: TextMissing = "none"


Table = tuple[Column, ...]


def made(graph: Graph, tensor: str, width: int) -> Table:
    """The columns of a matrix that a step made."""
    graph.widths[tensor] = width
    return tuple(Column(tensor, place) for place in range(width))


def numbers(graph: Graph, table: Table) -> str:
    """The table as one matrix (rows, columns) of doubles.

    Raises:
        ExportError: a column holds text, or there is none.
    """
    if not table:
        raise ExportError("A step of the model is given no columns.")
    text = [column.name or "?" for column in table if column.text]
    if text:
        raise ExportError(f"A step of the model takes the text of '{text[0]}' as numbers.")
    return graph.join([_slice(graph, run) for run in _runs(table)])


def text(graph: Graph, column: Column) -> str:
    """A column of text as a tensor (rows, 1)."""
    assert column.text
    return column.tensor if column.place == 0 else graph.columns(column.tensor, [column.place])


def _runs(table: Table) -> list[Table]:
    """Neighbours of the same tensor together."""
    runs: list[list[Column]] = []
    for column in table:
        if runs and runs[-1][0].tensor == column.tensor:
            runs[-1].append(column)
        else:
            runs.append([column])
    return [tuple(run) for run in runs]


def _slice(graph: Graph, run: Sequence[Column]) -> str:
    tensor = run[0].tensor
    places = [column.place for column in run]
    if graph.widths.get(tensor) == len(places) and places == list(range(len(places))):
        return tensor
    return graph.columns(tensor, places)
