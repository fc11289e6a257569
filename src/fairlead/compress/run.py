"""A bundle's model made smaller: the search over its forms, and what is known of the best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.bundle import Bundle, Ends, RunnerSpec, Step, decode_receipt, read_file
from fairlead.clock import Clock
from fairlead.compress.compare import Original, compare
from fairlead.compress.distil.predictor import Asked, ask, distil_predictor
from fairlead.compress.divide import Parts, divide
from fairlead.compress.measure import (
    Timed,
    cold_start,
    costs,
    measured_on,
    ratio,
    timed_graph,
    timed_runner,
    times,
)
from fairlead.compress.methods import Stages, after_students, student_steps
from fairlead.compress.pareto import choose
from fairlead.compress.refuse import confidence_of, refuse
from fairlead.compress.search import Refusal, priced_of, search, weigh
from fairlead.compress.types import Compared, Cost, Feeds, Form, Limits, Refused
from fairlead.errors import FairleadError, ModelError
from fairlead.runners.feed import make_feed
from fairlead.runners.load import answer_in_chunks, load_runner, payload_bytes
from fairlead.runners.onnx import OnnxRunner
from fairlead.runners.types import Runner
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
        spec: how the forms are executed.
        lines: of the forms that no other beats, the smallest first.
        chosen: the place among them of the best for the target; None if there is none.
        refused: the others, with reasons.
        parts: the rows, by what they were for.
        notes: what a reader should know.
        cold: of the original and the chosen one, what a new process takes with it.
        measured_on: the processor, and the version of what ran there.
    """

    original: Cost
    spec: RunnerSpec
    lines: tuple[Line, ...]
    chosen: int | None
    refused: tuple[Refusal, ...]
    parts: Parts
    notes: tuple[str, ...]
    cold: Mapping[str, Mapping[str, float]]
    measured_on: Mapping[str, str]


def make_smaller(
    bundle: Bundle, rows: Batch, truth: Values | None, stages: Stages, limits: Limits,
    *, fit: Batch | None, seed: int, clock: Clock, allow_pickle: bool = False,
) -> Outcome:  # fmt: skip
    """Search the forms of a bundle's model.

    Of a model that is no graph they are students, and what the other methods make of those.

    Args:
        bundle: verified.
        rows: that its model has not learnt from.
        truth: their labels, shape (rows,); None if they are not known.
        stages: methods, by the order in which they combine.
        limits: of what may be lost, and of time.
        fit: rows to fit forms to; some of `rows` if not given.
        seed: of all that is drawn.
        clock: for the time that it may take.
        allow_pickle: whether a pickled model may be loaded.

    Raises:
        ConfigError: there are too few rows, or there is no such metric.
    """
    parts = divide(rows, truth, fit=fit, seed=seed)
    runner = load_runner(bundle, allow_pickle=allow_pickle)
    try:
        trial = Trial(bundle, runner, parts, limits, seed)
        began_s = clock.monotonic_s()
        starts, refused = trial.starts(stages, clock)
        left = replace(limits, seconds=limits.seconds - (clock.monotonic_s() - began_s))
        rest = stages if trial.graph else after_students(stages)
        feeds = trial.feeds(parts.fit)
        found = search(starts, rest, trial.judge, left, feeds, seed=seed, clock=clock)
        cost = trial.cost()
        start = Form((), trial.graph, cost=cost if trial.graph else None)
        front, slow = weigh(cost, start, found, feeds)
        lines = trial.report(cost, front)
    finally:
        runner.close()
    chosen = choose([priced_of(line.form) for line in lines], cost, limits.target)
    return Outcome(
        original=cost,
        spec=trial.spec,
        lines=lines,
        chosen=chosen,
        refused=(*refused, *found.refused, *slow),
        parts=parts,
        notes=tuple(_notes(limits, truth, found.in_time)),
        cold=_cold(trial, None if chosen is None else lines[chosen]),
        measured_on=measured_on(),
    )


def _cold(trial: Trial, line: Line | None) -> dict[str, dict[str, float]]:
    """What a new process takes with the original, if it is a graph, and with the chosen form."""
    if line is None:
        return {}
    graphs = {"original": trial.graph, "chosen form": line.form.raw}
    timed = trial.feeds(trial.parts.report.rows)
    return {name: cold_start(raw, timed) for name, raw in graphs.items() if raw}


class Trial:
    """A model that forms are held against, on rows that were divided.

    Args:
        bundle: of the original.
        runner: that executes it.
        parts: the rows.
        limits: of what may be lost.
        seed: of resampling.
    """

    def __init__(
        self, bundle: Bundle, runner: Runner, parts: Parts, limits: Limits, seed: int
    ) -> None:
        info = bundle.info
        self.parts = parts
        self.spec: RunnerSpec = info.runner
        self.graph = read_file(bundle, info.runner.path) if info.runner.kind == "onnx" else b""
        self._signature: Signature = info.signature
        self._runner = runner
        self._limits = limits
        self._seed = seed
        self._size_bytes = payload_bytes(bundle)
        self._receipt = decode_receipt(read_file(bundle, "receipt.json"))
        self._choose, self._report = (
            Original(info.signature, answer_in_chunks(runner, part.rows), part.truth,
                     limits.metric, seed)
            for part in (parts.choose, parts.report)
        )  # fmt: skip
        # What cannot be measured of the original cannot be of any form.
        compare(self._choose, self._choose.answers, confidence=CONFIDENCE)

    def starts(self, stages: Stages, clock: Clock) -> tuple[list[Form], list[Refusal]]:
        """What a search begins with: the graph, or students where there is none."""
        if self.graph:
            return [Form((), self.graph)], []
        steps = student_steps(stages)
        if not steps:
            return [], _refused_without_graph(stages)
        until_s = clock.monotonic_s() + self._limits.seconds / 2.0
        asked = self._asked()
        if isinstance(asked, Refused):
            return [], [Refusal((Step(method=asked.method),), asked.reason)]
        made, refused = [], []
        for step in steps:
            if clock.monotonic_s() >= until_s:
                break
            found = self._student(asked, step)
            if isinstance(found, Form):
                made.append(found)
            else:
                refused.append(found)
        return made, refused

    def _asked(self) -> Asked | Refused:
        def answer(rows: Batch) -> Batch:
            return answer_in_chunks(self._runner, rows)

        return ask(self._signature, self.parts.fit, answer, seed=self._seed)

    def _student(self, asked: Asked, step: Step) -> Form | Refusal:
        made = distil_predictor(asked, step, seed=self._seed)
        self.spec = made.runner
        raw = made.model.SerializeToString(deterministic=True)
        try:
            compared = self.judge(raw)
        except FairleadError as error:
            return Refusal((step,), error.message)
        reason = refuse(compared, self._limits)
        return Refusal((step,), reason) if reason else Form((step,), raw, compared)

    def feeds(self, rows: Batch) -> Feeds:
        """Rows as graphs take them."""
        return {given.name: make_feed(given)(rows) for given in self.spec.inputs}

    def judge(self, raw: bytes) -> Compared:
        """A form beside the original, on the rows that forms are chosen by.

        Raises:
            ModelError: it does not answer all rows that the original answers.
        """
        runner = OnnxRunner(raw, self.spec, self._signature.outputs)
        if not _is_sound(runner.predict(self._receipt.inputs), self._receipt.outputs):
            raise ModelError("it answers no number to rows of the receipt that the original does")
        answers = answer_in_chunks(runner, self.parts.choose.rows)
        return compare(self._choose, answers, confidence=confidence_of(self._limits))

    def timed(self) -> Timed:
        """The original, to be timed."""
        rows = self.parts.report.rows
        if self.graph:
            return timed_graph(self.graph, self.feeds(rows))
        return timed_runner(self._runner, rows)

    def cost(self) -> Cost:
        """What the original takes."""
        return costs([self._size_bytes], [self.timed()])[0]

    def report(self, cost: Cost, front: Sequence[Form]) -> tuple[Line, ...]:
        """Measure forms with care, each beside the original, on rows that none was chosen by."""
        shown = front[:SHOWN_MAX]
        feeds = self.feeds(self.parts.report.rows)
        timed = [self.timed(), *(timed_graph(form.raw, feeds) for form in shown)]
        one, many = (times(timed, many=each) for each in (False, True))
        return tuple(
            Line(
                form=replace(form, cost=Cost(len(form.raw), min(first), min(second))),
                reported=self._reported(form.raw),
                smaller=cost.size_bytes / len(form.raw),
                faster_one=ratio(one[0], first),
                faster_many=ratio(many[0], second),
            )
            for form, first, second in zip(shown, one[1:], many[1:], strict=True)
        )

    def _reported(self, raw: bytes) -> Compared:
        runner = OnnxRunner(raw, self.spec, self._signature.outputs)
        answers = answer_in_chunks(runner, self.parts.report.rows)
        return compare(self._report, answers, confidence=CONFIDENCE)


def _refused_without_graph(stages: Stages) -> list[Refusal]:
    """That methods need a graph, where there is none and no student was asked for."""
    reason = "The version is no graph; distil makes it one."
    return [Refusal((Step(method=each.name),), reason) for stage in stages for each in stage]


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
