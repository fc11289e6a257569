"""Values that every method of compression shares, and the port that each implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy.typing as npt
import onnx

from fairlead.bundle import Step
from fairlead.stats import Estimate

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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a smaller form may lose, and what it is to gain.

    Args:
        max_drop: of the metric; in its own unit, as 0.005 of accuracy, or as a share of the
            original's value if `relative`.
        relative: what `max_drop` is a share of.
        agreement_min: share of rows to be answered as the original does.
        sureness: with which both must hold, of each by itself: 0.5 takes what was measured for
            what is true, more asks for more.
        metric: by its name; empty takes roc_auc of two classes, accuracy of more, r2 of numbers.
        target: what is to be small: the file, the time of an answer, or both.
        seconds: for which new forms are tried, at most.
    """

    max_drop: float = 0.005
    relative: bool = False
    agreement_min: float = 0.97
    sureness: float = 0.8
    metric: str = ""
    target: Target = "both"
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Compared:
    """Answers of a form beside the original's, on the same rows.

    Args:
        rows: how many.
        metric: that was measured; empty without labels.
        original: its value for the original; None without labels.
        value: its value for the form.
        change: by how much it is better, below 0 worse, in the metric's unit, with an interval.
        agreement: share of rows that are answered alike, with an interval.
        kappa: agreement of labels beyond that of chance; None where there are none that vary.
    """

    rows: int
    metric: str
    original: float | None
    value: float | None
    change: Estimate | None
    agreement: Estimate
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a form takes.

    Args:
        size_bytes: of its file.
        one_us: CPU time of an answer to one row, microseconds.
        many_us: likewise to 64 rows at once.
    """

    size_bytes: int
    one_us: float
    many_us: float


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a model.

    Args:
        steps: that made it of the original, in order; none is the original.
        raw: the graph.
        compared: with the original, on the rows that forms are chosen by; None of itself.
        cost: as measured; None while it was not.
    """

    steps: tuple[Step, ...]
    raw: bytes
    compared: Compared | None = None
    cost: Cost | None = None


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


@runtime_checkable
class Partial(Method, Protocol):
    """A method that does what it can of a graph, and says what it leaves."""

    def refusals(self, model: onnx.ModelProto, feeds: Feeds) -> Sequence[Refused]:
        """The parts of the graph that it leaves as they are, whatever its settings, and why.

        Args:
            model: the graph.
            feeds: some rows.
        """
        ...
