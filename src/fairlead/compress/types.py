"""Values that every method of compression shares, and the port that each implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy.typing as npt
import onnx

from fairlead.bundle import Step

Feeds = Mapping[str, npt.NDArray[Any]]
"""What a graph is run with: an array for each of its inputs, whose first axis is the rows."""

Target = Literal["size", "latency", "both"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a method does nothing to a graph, in words for whoever asked for it.

    Args:
        method: its name.
        reason: one sentence that names the node and what it would need.
    """

    method: str
    reason: str


class Method(Protocol):
    """One way to make a graph smaller or faster.

    It never changes the model that it is given, and says the same of the same rows and seed.
    """

    @property
    def name(self) -> str:
        """Its name, in settings, receipts and refusals."""
        ...

    def steps(self) -> Sequence[Step]:
        """What is worth trying, from the gentlest to the strongest."""
        ...

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        """Another form of the graph, with the same inputs and outputs.

        Args:
            model: the graph; left as it is.
            step: one of `steps()`, or one with settings of the caller's choice.
            feeds: rows without labels, as the graph's inputs take them.
            seed: for whatever is drawn.

        Raises:
            ConfigError: the step's settings are none of this method's.
        """
        ...


class Partial(Method, Protocol):
    """A method that does what it can of a graph, and says what it leaves."""

    def refusals(self, model: onnx.ModelProto, feeds: Feeds) -> Sequence[Refused]:
        """The parts of the graph that it leaves as they are, whatever its settings, and why.

        Args:
            model: the graph.
            feeds: some rows.
        """
        ...
