"""A bundle's model made smaller: the search over its forms, and what is known of the best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from fairlead.bundle import Bundle, Ends, RunnerSpec, decode_receipt, read_file
from fairlead.clock import Clock
from fairlead.compress.compare import Original, compare
from fairlead.compress.divide import Part, Parts, divide
from fairlead.compress.measure import calls_of, cold_start, costs, measured_on, ratio, times
from fairlead.compress.methods import Stages
from fairlead.compress.pareto import choose
from fairlead.compress.refuse import confidence_of
from fairlead.compress.search import Refusal, priced_of, search, weigh
from fairlead.compress.types import Compared, Cost, Feeds, Form, Limits
from fairlead.errors import ConfigError, ModelError
from fairlead.runners.feed import make_feed
from fairlead.runners.load import answer_in_chunks, load_runner
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import Batch, Signature
from fairlead.stats import CONFIDENCE, Estimate

Values = npt.NDArray[Any]

SHOWN_MAX = 12
"""Forms that are measured with care and reported on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A form, and what is known of it.

    Args:
        form: with its cost.
        reported: beside the original on rows that nothing was chosen by, with intervals of 95 %.
        smaller: how many times.
        faster_one: how many times, in CPU time of one row, with its interval.
        faster_many: likewise of 64 rows.
    """

    form: Form
    reported: Compared
    smaller: float
    faster_one: Estimate
    faster_many: Estimate

    def evidence(self) -> dict[str, Ends]:
        """By what it is of, as a bundle keeps it."""
        told = self.reported
        found = {
            "agreement": told.agreement,
            "change": told.change,
            "cpu_1": self.faster_one,
            "cpu_64": self.faster_many,
            "size": Estimate(self.smaller, self.smaller, self.smaller),
            "value": None if told.value is None else Estimate(told.value, told.value, told.value),
        }
        return {
            name: Ends(value=one.value, low=one.low, high=one.high)
            for name, one in found.items() if one is not None
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a search.

    Args:
        original: what it takes.
        lines: of the forms that no other beats, the smallest first.
        chosen: the place among them of the best for the target; None if there is none.
        refused: the others, with reasons.
        parts: the rows, by what they were for.
        notes: what a reader should know.
        cold: of the original and the chosen one, what a new process takes with it.
        measured_on: the processor, and the version of what ran there.
    """

    original: Cost
    lines: tuple[Line, ...]
    chosen: int | None
    refused: tuple[Refusal, ...]
    parts: Parts
    notes: tuple[str, ...]
    cold: Mapping[str, Mapping[str, float]]
    measured_on: Mapping[str, str]


def make_smaller(
    bundle: Bundle, rows: Batch, truth: Values | None, stages: Stages, limits: Limits,
    *, fit: Batch | None, seed: int, clock: Clock,
) -> Outcome:  # fmt: skip
    """Search the forms of a bundle's model.

    Args:
        bundle: verified.
        rows: that its model has not learnt from.
        truth: their labels, shape (rows,); None if they are not known.
        stages: methods, by the order in which they combine.
        limits: of what may be lost, and of time.
        fit: rows to fit forms to; some of `rows` if not given.
        seed: of all that is drawn.
        clock: for the time that it may take.

    Raises:
        ConfigError: there are too few rows, no such metric, or the model is no graph.
    """
    info = bundle.info
    if info.runner.kind != "onnx":
        raise ConfigError(f"Models served by {info.runner.kind} cannot be made smaller yet.")
    parts = divide(rows, truth, fit=fit, seed=seed)
    trial = Trial(bundle, parts, limits, seed)
    start = Form((), read_file(bundle, info.runner.path))
    onnx.load_model_from_string(start.raw)
    start = replace(start, cost=costs([start.raw], trial.feeds(parts.choose.rows))[0])
    feeds = trial.feeds(parts.fit)
    trial.judge(start.raw)  # what cannot be measured of the original cannot be of any form
    found = search([start], stages, trial.judge, limits, feeds, seed=seed, clock=clock)
    assert start.cost is not None
    front, slow = weigh(start.cost, start, found, feeds)
    lines = trial.report(start, front)
    chosen = choose([priced_of(line.form) for line in lines], start.cost, limits.target)
    picked = {} if chosen is None else {"chosen": lines[chosen].form.raw}
    timed = trial.feeds(parts.report.rows)
    cold = {n: cold_start(raw, timed) for n, raw in {"original": start.raw, **picked}.items()}
    return Outcome(
        original=start.cost,
        lines=lines,
        chosen=chosen,
        refused=(*found.refused, *slow),
        parts=parts,
        notes=tuple(_notes(limits, truth, found.in_time)),
        cold=cold if picked else {},
        measured_on=measured_on(),
    )


class Trial:
    """A model that forms are held against, on rows that were divided.

    Args:
        bundle: of the original.
        parts: the rows.
        limits: of what may be lost.
        seed: of resampling.
    """

    def __init__(self, bundle: Bundle, parts: Parts, limits: Limits, seed: int) -> None:
        self._signature: Signature = bundle.info.signature
        self._spec: RunnerSpec = bundle.info.runner
        self._limits = limits
        self._seed = seed
        self._parts = parts
        self._receipt = decode_receipt(read_file(bundle, "receipt.json"))
        runner = load_runner(bundle)
        try:
            self._choose = self._original(parts.choose, answer_in_chunks(runner, parts.choose.rows))
            self._report = self._original(parts.report, answer_in_chunks(runner, parts.report.rows))
        finally:
            runner.close()

    def _original(self, part: Part, answers: Batch) -> Original:
        return Original(self._signature, answers, part.truth, self._limits.metric, self._seed)

    def feeds(self, rows: Batch) -> Feeds:
        """Rows as the graph takes them."""
        return {given.name: make_feed(given)(rows) for given in self._spec.inputs}

    def judge(self, raw: bytes) -> Compared:
        """A form beside the original, on the rows that forms are chosen by.

        Raises:
            ModelError: it does not answer all rows that the original answers.
        """
        runner = OnnxRunner(raw, self._spec, self._signature.outputs)
        if not _is_sound(runner.predict(self._receipt.inputs), self._receipt.outputs):
            raise ModelError("it answers no number to rows of the receipt that the original does")
        answers = answer_in_chunks(runner, self._parts.choose.rows)
        return compare(self._choose, answers, confidence=confidence_of(self._limits))

    def report(self, start: Form, front: Sequence[Form]) -> tuple[Line, ...]:
        """Measure forms with care, each beside the original, on rows that none was chosen by."""
        shown = front[:SHOWN_MAX]
        timed = self.feeds(self._parts.report.rows)
        calls = [calls_of(form.raw, timed) for form in (start, *shown)]
        one = times([each[0] for each in calls])
        many = times([each[1] for each in calls])
        assert start.cost is not None
        return tuple(
            Line(
                form=replace(form, cost=Cost(len(form.raw), min(first), min(second))),
                reported=self._reported(form.raw),
                smaller=start.cost.size_bytes / len(form.raw),
                faster_one=ratio(one[0], first),
                faster_many=ratio(many[0], second),
            )
            for form, first, second in zip(shown, one[1:], many[1:], strict=True)
        )

    def _reported(self, raw: bytes) -> Compared:
        runner = OnnxRunner(raw, self._spec, self._signature.outputs)
        answers = answer_in_chunks(runner, self._parts.report.rows)
        return compare(self._report, answers, confidence=CONFIDENCE)


def _is_sound(answers: Batch, original: Batch) -> bool:
    """Whether there is a finite number wherever the original has one."""
    for name in (*original.names, *original.columns):
        want, have = original.column(name), answers.column(name)
        if want.dtype.kind == "f" and have.dtype.kind == "f":
            lost = np.isfinite(want) & ~np.isfinite(have) if want.shape == have.shape else True
            if np.any(lost):
                return False
    return True


def _notes(limits: Limits, truth: Values | None, in_time: bool) -> Iterator[str]:
    if truth is None:
        yield (
            "There are no labels: forms are held against the original's answers alone, and rows "
            f"that are answered otherwise may be {limits.max_drop:.2%}."
        )
    if not in_time:
        yield (
            f"After {limits.seconds:.0f} seconds not all forms had been tried; --minutes gives "
            "more time."
        )
