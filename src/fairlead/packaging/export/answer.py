"""What a model answers inside a graph, before it has the form that callers get."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Graph


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of the tensors that hold a model's answers.

    Args:
        index: of the class, (rows,) int64.
        probabilities: (rows, classes).
        scores: what `decision_function` answers, (rows, 1) for two classes, else
            (rows, classes).
        values: of a regressor, (rows, targets).
    """

    index: str = ""
    probabilities: str = ""
    scores: str = ""
    values: str = ""


def from_probabilities(graph: Graph, probabilities: str) -> Answer:
    """The class is the first of the most probable ones."""
    return Answer(index=graph.argmax(probabilities), probabilities=probabilities)


def of_index(index: str, probabilities: str, scores: str) -> Answer:
    """A classifier's answer."""
    return Answer(index=index, probabilities=probabilities, scores=scores)


def through_link(graph: Graph, raw: str, link: object) -> Answer:
    """A regressor's answer of raw scores, by the inverse of its loss's link function."""
    name = type(link).__name__
    if name == "IdentityLink":
        return Answer(values=raw)
    if name == "LogLink":
        return Answer(values=graph.add("Exp", raw))
    raise ExportError(f"Its link function {name} is not known.")


def both(graph: Graph, positive: str) -> str:
    """Probabilities (rows, 2) of that of the second class, (rows, 1)."""
    return graph.join([graph.add("Sub", 1.0, positive), positive])


def sigmoid(graph: Graph, scores: str) -> str:
    """Probabilities (rows, 2) of log odds, (rows, 1).

    Written as 1 / (1 + exp(-s)), which unlike the operator `Sigmoid` does not round the far
    tail to zero.
    """
    tail = graph.add("Exp", graph.add("Neg", scores))
    return both(graph, graph.add("Div", 1.0, graph.add("Add", 1.0, tail)))
