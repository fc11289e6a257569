"""A stream played through ways of keeping a model right; the loop's own decisions among them.

Of the platform these are its own: when an update is due (`updates.decide`), what it learns from
and is judged on (`updates.split`), the gate (`updates.weigh`), and the evidence that answers got
worse or inputs moved (`monitoring.guard`, `monitoring.watch`). Left out, for it would take hours:
packaging, the release, which is at once here, and processes. An alert fires as soon as its
evidence is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec.structs import replace
from support.blocks import DELAY, Rows
from support.moving import Stream

from fairlead.alerts import Alert
from fairlead.alerts.types import Evidence, Step
from fairlead.monitoring import Budget, State, Terms, watch
from fairlead.monitoring.guard import Guard, Moments, add_moments, guard
from fairlead.profiles.build import make_reference, observe
from fairlead.updates.decide import close, due_us, is_due, make, note, open_update
from fairlead.updates.split import split
from fairlead.updates.types import (
    Condition,
    DataSpec,
    Gate,
    Learnt,
    Made,
    RowRange,
    Standing,
    UpdateSpec,
)
from fairlead.updates.weigh import weigh

HOUR_US = 3_600_000_000
START_US = 480_000 * HOUR_US
WARM = 8
WINDOW = 30
SPEC = UpdateSpec(
    endpoint="stream", train="m:train", folder="", data=DataSpec(log="stream"),
    when=(Condition(kind="accuracy"), Condition(kind="drift")),
    gate=Gate(calibration_margin=None, latency_ratio=0.0, size_ratio=0.0),
    release="", debounce_us=0, cooldown_us=4 * HOUR_US,
)  # fmt: skip


def play(stream: Stream, block_rows: int) -> dict[str, dict[str, float]]:
    """Of each way the error over the whole stream, trainings and promotions.

    The error is the share of wrong answers; of numbers it is the root of the mean square.
    """
    rows = Rows(stream, block_rows)
    first = rows.fit(slice(0, WARM * rows.size))
    ways = {
        "never": _fixed(rows, first),
        "every step, all": _every(rows, 0),
        f"every step, last {WINDOW}": _every(rows, WINDOW),
        "loop": Loop(rows, first).run(),
    }
    return {name: _told(rows, way) for name, way in ways.items()}


def _told(rows: Rows, way: Iterator[tuple[Any, int, int]]) -> dict[str, float]:
    lost, trained, promoted = 0.0, 0, 0
    for block, (model, new, out) in zip(range(WARM + DELAY, rows.blocks), way, strict=False):
        lost += float(rows.losses(model, rows.of(block)).sum())
        trained, promoted = trained + new, promoted + out
    asked = (rows.blocks - WARM - DELAY) * rows.size
    error = lost / asked if rows.classes else (lost / asked) ** 0.5
    told = {"error": error, "trainings": trained, "promotions": promoted, "rows": asked}
    return told | ({"accuracy": 1.0 - error} if rows.classes else {})


def _fixed(rows: Rows, model: Any) -> Iterator[tuple[Any, int, int]]:
    for _ in range(rows.blocks):
        yield model, 0, 0


def _every(rows: Rows, window: int) -> Iterator[tuple[Any, int, int]]:
    for block in range(WARM + DELAY, rows.blocks):
        yield rows.fit(rows.known(block, window)), 1, 1


class Loop:
    """The platform's decisions, hour by hour."""

    def __init__(self, rows: Rows, first: Any) -> None:
        self._rows = rows
        self._model = first
        self._looked = WARM
        labels = Condition(kind="labels", count=15 * rows.size)
        gate = replace(SPEC.gate, metric=rows.metric)
        self._spec = replace(SPEC, when=(*SPEC.when, labels), gate=gate)
        self._begin(slice(0, WARM * rows.size))

    def _begin(self, learnt: slice) -> None:
        """A version begins to answer: what is watched of it begins anew."""
        self._guard, self._state = Guard(), State()
        self._reference = make_reference(self._rows.signature, self._rows.batch(learnt))
        self._since: dict[str, int] = {}
        self._until, self._from = learnt.stop, -(-learnt.stop // self._rows.size)
        self._waiting = Moments()

    def run(self) -> Iterator[tuple[Any, int, int]]:
        """The model that answers each block, and whether one was trained and promoted."""
        first = WARM + DELAY
        standing = note(self._spec, None, (), 0, self._at(first), self._at(first))
        for block in range(first, self._rows.blocks):
            now_us = self._at(block)
            self._look(block)
            labels = (block - DELAY - self._looked) * self._rows.size
            standing = note(self._spec, standing, self._alerts(now_us), labels, now_us, now_us)
            due = due_us(self._spec, standing)
            trained = promoted = 0
            if due is not None and is_due(due, now_us):
                standing, trained, promoted = self._update(standing, block)
            yield self._model, trained, promoted

    def _at(self, block: int) -> int:
        return START_US + block * HOUR_US

    def _look(self, block: int) -> None:
        """The hour before, whose inputs are known, and the one whose labels came."""
        window, labelled = self._rows.of(block - 1), block - DELAY - 1
        self._state, _, found = watch(
            self._state, self._reference, observe(self._reference, self._rows.batch(window)),
            budget=Budget(), start_us=self._at(block - 1),
        )  # fmt: skip
        self._note("drift", bool(found.drifting), block)
        if labelled >= self._from:
            lost = self._rows.losses(self._model, self._rows.of(labelled))
            some = Moments(len(lost), float(lost.sum()), float((lost**2).sum()))
            self._waiting = add_moments(self._waiting, some)
            if self._waiting.rows >= Terms().rows_min:
                until_us, batch = self._at(labelled + 1), self._waiting
                self._guard = guard(self._guard, batch, self._rows.loss, Terms(), until_us)
                self._waiting = Moments()
            self._note("accuracy", self._guard.proven, block)

    def _note(self, metric: str, holds: bool, block: int) -> None:
        if not holds:
            self._since.pop(metric, None)
        else:
            self._since.setdefault(metric, self._at(block))

    def _alerts(self, now_us: int) -> list[Alert]:
        return [
            Alert(
                endpoint="stream", rule=metric, metric=metric, subject="", version="", cause="",
                severity="warning", look_at="", since_us=since_us, holds=True, turn_us=since_us,
                steps=(Step(state="firing", time_us=now_us, reason="It is proven.",
                            evidence=Evidence(value=1.0)),),
            )
            for metric, since_us in self._since.items()
        ]  # fmt: skip

    def _update(self, standing: Standing, block: int) -> tuple[Standing, int, int]:
        now_us = self._at(block)
        standing, update = open_update(self._spec, standing, now_us)
        rows = self._rows
        known = rows.known(block, WINDOW)
        times = START_US + np.arange(known.start, known.stop) * (HOUR_US // rows.size)
        newer_us = START_US + self._until * (HOUR_US // rows.size) - 1
        last_us = split(times, self._spec.gate.holdout, newer_us)
        place = known.start + int(np.searchsorted(times, last_us, side="right"))
        learnt, held = slice(known.start, place), slice(place, known.stop)
        model = rows.fit(learnt)
        truth = rows.truth[held].astype(object) if rows.classes else rows.truth[held]
        said = weigh(
            self._spec.gate, rows.answered(self._model, held), rows.answered(model, held),
            truth, seed=block,
        )  # fmt: skip
        promoted = said.verdict == "promote"
        made = Made(
            champion="stream:1", candidate="stream:2", change="data", judgement=said,
            learnt=Learnt(log="stream", as_of_us=now_us, train=RowRange(rows=place - known.start),
                          holdout=RowRange(rows=known.stop - place)),
        )  # fmt: skip
        after = close(standing, make(self._spec, update, made, now_us), now_us)
        if promoted:
            self._model = model
            self._begin(learnt)
        self._looked = block - DELAY
        return after, 1, int(promoted)
