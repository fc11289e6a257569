"""The search over chains of steps: each form is judged before another is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import onnx

from fairlead.bundle import Step, described
from fairlead.clock import Clock
from fairlead.compress.measure import costs, timed_graph
from fairlead.compress.methods import LOSSLESS, ONLY_IF_FASTER, Stages
from fairlead.compress.pareto import Priced, front, gain
from fairlead.compress.refuse import refuse
from fairlead.compress.types import (
    Compared,
    Cost,
    Feeds,
    Form,
    Limits,
    Method,
    Partial,
    Refused,
)
from fairlead.errors import FairleadError

BEAM = 4
"""Forms of each method that the next stage goes on from, beside where all began."""
FAILURES_MAX = 3
"""Steps in a row, each stronger than the last, that are refused before none is tried any more."""

Judge = Callable[[bytes], Compared]
"""A form's answers beside the original's, on the rows that forms are chosen by."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a chain of steps came to nothing."""

    steps: tuple[Step, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has come by.

    Args:
        forms: that may be taken, by what they lose.
        refused: the others, with reasons.
        in_time: whether all were tried.
    """

    forms: tuple[Form, ...]
    refused: tuple[Refusal, ...]
    in_time: bool


@dataclass(slots=True)
class _Search:
    judge: Judge
    limits: Limits
    feeds: Feeds
    seed: int
    clock: Clock
    until_s: float = 0.0
    seen: set[bytes] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)
    in_time: bool = True

    def is_over(self) -> bool:
        """Whether the stage has had its share of the time; what it leaves the next ones get."""
        over = self.clock.monotonic_s() >= self.until_s
        self.in_time &= not over
        return over

    def grow(self, form: Form, method: Method) -> list[Form]:
        """Forms that a method makes of one, from the gentlest to the strongest that may be."""
        model = onnx.load_model_from_string(form.raw)
        made: list[Form] = []
        failures: Counter[Hashable] = Counter()
        for step in method.steps():
            family = _family(step)
            if self.is_over():
                break
            if failures[family] >= FAILURES_MAX:
                continue
            found = self.try_step(model, (*form.steps, step), method)
            if isinstance(found, Form):
                made.append(found)
                failures[family] = 0
                continue
            failures[family] += 1
            if isinstance(found, Refusal):
                self.refused.append(found)
                continue
            self.say_once(form, found)
            if not made:
                break  # it is the graph that does not allow it
        return made

    def say_once(self, form: Form, refused: Refused) -> None:
        """Of all graphs that a method refuses for one reason, the first one is named."""
        known = {(one.steps[-1].method, one.reason) for one in self.refused}
        if (refused.method, refused.reason) not in known:
            steps = (*form.steps, Step(method=refused.method))
            self.refused.append(Refusal(steps, refused.reason))

    def say_what_stays(self, starts: Sequence[Form], stages: Stages) -> None:
        """Name the parts of the original that methods leave as they are."""
        for form in starts:
            model = onnx.load_model_from_string(form.raw)
            for method in (each for stage in stages for each in stage):
                if isinstance(method, Partial):
                    for left in method.refusals(model, self.feeds):
                        self.say_once(form, left)

    def try_step(
        self, model: onnx.ModelProto, steps: tuple[Step, ...], method: Method
    ) -> Form | Refused | Refusal:
        try:
            made = method.apply(model, steps[-1], self.feeds, seed=self.seed)
            return made if isinstance(made, Refused) else self.judged(made, steps)
        except FairleadError as error:
            return Refusal(steps, error.message)
        except Exception as error:  # graphs are of others, and hold what nobody thought of
            return Refusal(steps, f"the method failed ({type(error).__name__})")

    def judged(self, made: onnx.ModelProto, steps: tuple[Step, ...]) -> Form | Refusal:
        raw = made.SerializeToString(deterministic=True)
        if raw in self.seen:
            return Refusal(steps, "it comes to the same as a form before")
        self.seen.add(raw)
        compared = self.judge(raw)
        reason = refuse(compared, self.limits)
        return Refusal(steps, reason) if reason else Form(steps, raw, compared)


def _family(step: Step) -> Hashable:
    """What steps have in common of which each is stronger than the last."""
    return tuple(
        (name, value if isinstance(value, str) else "") for name, value in step.settings.items()
    )


def search(
    starts: Sequence[Form], stages: Stages, judge: Judge, limits: Limits, feeds: Feeds,
    *, seed: int, clock: Clock,
) -> Found:  # fmt: skip
    """Make forms of a graph, stage by stage, and keep those that may be taken.

    What is made depends on rows and seed alone, if there is time enough.

    Args:
        starts: what forms are made of: the original, or students of a model that is no graph.
        stages: methods; of each at most one is applied, then one of the next.
        judge: holds a form against the original.
        limits: of what may be lost, and of time.
        feeds: rows without labels that methods fit to, as the graph takes them.
        seed: of what is drawn.
        clock: for the time that it may take.
    """
    course = _Search(judge, limits, feeds, seed, clock)
    course.seen |= {form.raw for form in starts}
    course.say_what_stays(starts, stages)
    roots, forms = list(starts), list(starts)
    began_s = clock.monotonic_s()
    for place, stage in enumerate(stages, 1):
        share_s = limits.seconds / len(stages)
        # A step that began in time may end late; the stages after it are not to pay for that.
        course.until_s = max(began_s + place * share_s, clock.monotonic_s() + share_s / 2.0)
        made = [
            form for before in [*_beam(forms[len(roots):]), *roots]
            for method in stage for form in course.grow(before, method)
        ]  # fmt: skip
        if made and all(method.name in LOSSLESS for method in stage):
            roots, forms = made, list(made)
        else:
            forms += made
    allowed = tuple(form for form in forms if form.compared is not None)
    return Found(allowed, tuple(course.refused), course.in_time)


def _beam(forms: Sequence[Form]) -> list[Form]:
    """The smallest that each method made last, the smallest of all first."""
    by_method: dict[str, list[Form]] = {}
    for form in sorted(forms, key=lambda form: len(form.raw)):
        by_method.setdefault(form.steps[-1].method, []).append(form)
    kept = [form for made in by_method.values() for form in made[:BEAM]]
    return sorted(kept, key=lambda form: len(form.raw))


def weigh(
    original: Cost, start: Form, found: Found, feeds: Feeds
) -> tuple[tuple[Form, ...], tuple[Refusal, ...]]:
    """The forms that no other beats, the smallest first, and what is said of those left out.

    Args:
        original: what it takes.
        start: the original as a graph, which methods that must be faster are held against.
        found: by `search`.
        feeds: rows to be timed with.
    """
    timed = [timed_graph(form.raw, feeds) for form in found.forms]
    taken = costs([len(form.raw) for form in found.forms], timed, quick=True)
    priced = [replace(form, cost=cost) for form, cost in zip(found.forms, taken, strict=True)]
    by_steps = {described(form.steps): form for form in (start, *priced)}
    reasons = [_of_speed(form, by_steps) or _of_gain(form, original) for form in priced]
    kept = [form for form, reason in zip(priced, reasons, strict=True) if not reason]
    refused = tuple(
        Refusal(form.steps, reason)
        for form, reason in zip(priced, reasons, strict=True) if reason
    )  # fmt: skip
    return tuple(kept[place] for place in front([priced_of(form) for form in kept])), refused


def _of_gain(form: Form, original: Cost) -> str:
    if any(gain(_cost(form), original, target) > 0.0 for target in ("size", "latency")):
        return ""
    return "it is neither smaller nor faster"


def _of_speed(form: Form, by_steps: dict[str, Form]) -> str:
    """Why a method that is only worth it where it is faster is none here."""
    before = by_steps.get(described(form.steps[:-1]))
    if form.steps[-1].method not in ONLY_IF_FASTER or before is None or before.cost is None:
        return ""
    ours, theirs = _cost(form), before.cost
    times = max(ours.one_us / theirs.one_us, ours.many_us / theirs.many_us)
    return "" if times < 1.0 else f"it measures no faster here: {times:.2f} times the CPU time"


def priced_of(form: Form) -> Priced:
    """What is weighed of a form that was measured."""
    return Priced(_cost(form), 1.0 if form.compared is None else form.compared.agreement.value)


def _cost(form: Form) -> Cost:
    assert form.cost is not None
    return form.cost
