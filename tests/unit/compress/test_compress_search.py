"""The search: stage by stage, judged before it goes on, with a reason for all that is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest

from fairlead.bundle import Step, described
from fairlead.clock import ManualClock
from fairlead.compress.compare import Original, compare
from fairlead.compress.methods import named
from fairlead.compress.search import Found, Judge, search, weigh
from fairlead.compress.types import Compared, Cost, Feeds, Form, Limits, Method, Refused
from fairlead.errors import ConfigError
from support.compress import FIELDS, Fewer, Half, Never, network, rows
from support.versions import classifier

VALUES, SIDE = rows(500)
FEEDS: Feeds = {"x": VALUES.astype(np.float32)}
LIMITS = Limits(metric="accuracy", seconds=60.0)


def judge() -> Judge:
    from fairlead.compress.session import open_graph

    def answers(raw: bytes) -> object:
        return classifier(open_graph(raw)(FEEDS)[1][:, 1], (0, 1))  # type: ignore[index]

    first = answers(network().SerializeToString())
    one = Original(first.signature, first.outputs, SIDE, "accuracy", 1)  # type: ignore[attr-defined]

    def judged(raw: bytes) -> Compared:
        return compare(one, answers(raw).outputs, confidence=0.6)  # type: ignore[attr-defined]

    return judged


def run(
    *stages: Sequence[Method], limits: Limits = LIMITS, clock: ManualClock | None = None
) -> Found:
    start = Form((), network().SerializeToString(deterministic=True))
    return search([start], tuple(map(tuple, stages)), judge(), limits, FEEDS, seed=1,
                  clock=clock or ManualClock())  # fmt: skip


def names(found: Found) -> list[str]:
    return [described(form.steps) for form in found.forms]


def test_steps_of_several_stages_are_chained() -> None:
    found = run([Fewer(32, 2)], [Half()])
    assert names(found) == [
        "fewer keep=32", "fewer keep=2", "fewer keep=2, half", "fewer keep=32, half", "half",
    ]  # fmt: skip
    assert all(form.compared is not None for form in found.forms)
    assert len(FIELDS) == 4


def test_what_loses_too_much_is_refused_and_nothing_is_made_of_it() -> None:
    found = run([Fewer(2, 1)], [Half()])
    assert "fewer keep=1" not in " ".join(names(found))
    assert [described(one.steps) for one in found.refused] == ["fewer keep=1"]
    assert found.refused[0].reason.startswith("accuracy changes by -")


def test_a_method_says_why_it_does_nothing() -> None:
    found = run([Never()])
    assert found.forms == ()
    assert [one.reason for one in found.refused] == ["Node 'h' is read by two others."]


def test_a_method_that_fails_is_left_out_and_ends_nothing() -> None:
    class Broken(Never):
        name = "broken"

        def apply(
            self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
        ) -> onnx.ModelProto | Refused:
            raise IndexError

    found = run([Broken(), Fewer(2)])
    assert names(found) == ["fewer keep=2"]
    assert [one.reason for one in found.refused] == ["the method failed (IndexError)"]


class Counted(Fewer):
    """Counts how often it is asked."""

    tried = 0

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        self.tried += 1
        return super().apply(model, step, feeds, seed=seed)


def test_after_some_failures_nothing_stronger_is_tried() -> None:
    method = Counted(2, 1, 1, 1, 1, 1, 1, 32)
    assert names(run([method])) == ["fewer keep=2"]
    assert method.tried == 4


def test_a_graph_that_a_method_refuses_is_asked_about_once_and_named_once() -> None:
    class Twice(Never):
        def steps(self) -> Sequence[Step]:
            return [Step(method=self.name, settings={"keep": keep}) for keep in range(9)]

    found = run([Fewer(32, 2)], [Twice()])
    assert [described(one.steps) for one in found.refused] == ["fewer keep=2, never"]


def test_the_same_form_twice_is_judged_once() -> None:
    found = run([Fewer(2, 2)])
    assert names(found) == ["fewer keep=2"]
    assert found.refused[0].reason == "it comes to the same as a form before"


def test_when_the_time_is_over_it_says_so() -> None:
    clock = ManualClock()

    class Slow(Fewer):
        def apply(
            self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
        ) -> onnx.ModelProto | Refused:
            clock.advance(40.0)
            return super().apply(model, step, feeds, seed=seed)

    found = run([Slow(32, 16, 8, 4, 2)], clock=clock)
    assert names(found) == ["fewer keep=32", "fewer keep=16"]
    assert not found.in_time


def test_it_is_the_same_each_time() -> None:
    one, other = (run([Fewer(32, 2), Never()], [Half()]) for _ in range(2))
    assert [form.raw for form in one.forms] == [form.raw for form in other.forms]
    assert one.refused == other.refused


def test_what_is_neither_smaller_nor_faster_is_left_out_with_the_reason() -> None:
    class Larger(Never):
        name = "larger"

        def apply(
            self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
        ) -> onnx.ModelProto | Refused:
            made = onnx.ModelProto()
            made.CopyFrom(model)
            made.doc_string = "x" * 5000
            return made

    original = Cost(len(network().SerializeToString()), 1e-3, 1e-3)
    found = run([Larger()])
    front, refused = weigh(original, Form((), b""), found, FEEDS)
    assert front == ()
    assert [one.reason for one in refused] == ["it is neither smaller nor faster"]


def test_whole_numbers_are_taken_only_where_they_are_faster() -> None:
    class Static(Half):
        name = "static-int8"

        def steps(self) -> Sequence[Step]:
            return [Step(method=self.name)]

    found = run([Static()])
    raw = network().SerializeToString(deterministic=True)
    for one_us, kept in ((1e9, 1), (1e-9, 0)):
        start = Form((), raw, cost=Cost(len(raw), one_us, one_us))
        assert start.cost is not None
        front, refused = weigh(start.cost, start, found, FEEDS)
        assert len(front) == kept
        assert [one.reason.startswith("it measures no faster") for one in refused] == [True] * (
            1 - kept
        )


def test_methods_are_found_by_name_and_the_nearest_is_named() -> None:
    stages = ((Fewer(2), Never()), (Half(),))
    assert [[m.name for m in s] for s in named(["half", "never"], stages)] == [["never"], ["half"]]
    assert named([], stages) == stages
    with pytest.raises(ConfigError, match="no method 'halv'") as found:
        named(["halv"], stages)
    assert "Did you mean 'half'?" in found.value.hint
