"""The shell of a learner's process: takes labels, predicts and learns, and makes checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from fairlead.bundle import Learned
from fairlead.clock import Clock
from fairlead.errors import ConflictError
from fairlead.learning.decide import checkpoint, freeze, is_due, judge
from fairlead.learning.labels import LabelLog
from fairlead.learning.measure import observe, score
from fairlead.learning.position import Account
from fairlead.learning.student import Lesson, Student
from fairlead.learning.types import LEARNERS, Learner, OnlineSpec, Stopped, Tally
from fairlead.signature import Batch, concat
from fairlead.store import Event, Put, Store, Stored

BLOCK_ROWS = 16
"""That are predicted together, and learnt then."""
REFERENCE_ROWS = 1000
"""Of the newest, that a checkpoint is proven on."""
RECALLED_FILES = 16
TRIES_MAX = 20

GUARD = "guard"


class Versions(Protocol):
    """Versions of a model, as a learner needs them."""

    def load(self, version: str) -> Student:
        """A version's model, to learn on.

        Raises:
            ConfigError: it has no form that can.
        """
        ...

    def save(self, student: Student, rows: Batch, parent: str, note: str, learned: Learned) -> str:
        """Register a state as a version that follows its parent; gives its name.

        Raises:
            ExportError: no form of it is both safe and equal to it.
        """
        ...


class _OverError(Exception):
    """The learner was frozen, or began anew."""


class Tutor:
    """Lets the model of an endpoint learn, one look at a time.

    What is taken is on record before it is learnt, and a checkpoint commits what was learnt in it.
    So a process that begins again takes the same files in the same order from the same checkpoint
    on, and comes to the same state: each label is learnt once in effect.

    Args:
        store: of the learner.
        log: of its labels.
        versions: of its model.
        spec: how it learns.
        clock: for when checkpoints are due.
    """

    def __init__(
        self, store: Store, log: LabelLog, versions: Versions, spec: OnlineSpec, clock: Clock
    ) -> None:
        self._store = store
        self._log = log
        self._versions = versions
        self._spec = spec
        self._clock = clock
        self._key = LEARNERS.key(spec.endpoint)
        stored = store.get(LEARNERS, self._key)
        assert stored is not None, "the controller begins it"
        learner = stored.value
        self._began_us = learner.began_us
        self._student = self._load(learner.version)
        self._base = versions.load(learner.base)
        self._good = versions.load(learner.good)
        self._tally = learner.tally
        self._account = Account()
        self._rows = self._recalled(learner)
        self._passed = set(learner.passed)
        for step in learner.steps:
            self._learn(step)

    def tick(self) -> Stopped | None:
        """Take what came; what the process ends with, if it has nothing to do any more.

        Raises:
            ModelError: the model fails at rows.
            ExportError: its state cannot be packaged.
        """
        try:
            self._go_on()
        except _OverError:
            return Stopped()
        return None

    def _go_on(self) -> None:
        learner = self._current().value
        step = self._log.next(self._passed)
        if step:
            self._put(lambda now: replace(now, steps=(*now.steps, step)))
            self._learn(step)
        why = judge(self._spec.guard, learner.good, self._tally)
        if why:
            self._freeze(why)
            raise _OverError
        if is_due(self._spec, learner, self._tally, self._clock.now_us()):
            self._checkpoint(learner)
        elif step:
            self._put(lambda now: replace(now, now=self._tally))

    def _load(self, version: str) -> Student:
        student = self._versions.load(version)
        student.prepare(self._spec.params)
        return student

    def _recalled(self, learner: Learner) -> list[Batch]:
        """The newest rows that were learnt before this process began."""
        files = [key for key in self._log.files() if key in learner.passed][-RECALLED_FILES:]
        if not files or learner.version == learner.base:
            return []
        lesson = self._student.lesson(self._log.read(files, ()).rows.tail(REFERENCE_ROWS))
        return [] if lesson.batch is None else [lesson.batch]

    def _learn(self, step: Sequence[str]) -> None:
        """Predict and learn the rows of some files, block by block, as far as the guard lets it."""
        labelled = self._log.read(step, self._passed)
        lesson = self._student.lesson(labelled.rows)
        self._passed.update(step)
        self._tally = replace(
            self._tally,
            unknown=self._tally.unknown + labelled.unknown,
            again=self._tally.again + labelled.again,
            unfit=self._tally.unfit + lesson.unfit,
        )
        if lesson.batch is None:
            return
        for start in range(0, lesson.batch.rows, BLOCK_ROWS):
            self._tally = self._taught(lesson, start, f"{step[0]} {start}")
            if judge(self._spec.guard, "", self._tally):
                break
        self._rows.append(lesson.batch)
        while len(self._rows) > 1 and sum(b.rows for b in self._rows[1:]) >= REFERENCE_ROWS:
            del self._rows[0]

    def _taught(self, lesson: Lesson, start: int, name: str) -> Tally:
        assert lesson.batch is not None
        part = slice(start, start + BLOCK_ROWS)
        rows, truth = lesson.batch.take(part), lesson.truth[part]
        errors = [each.errors(rows, truth) for each in (self._student, self._base, self._good)]
        self._student.learn(rows, truth, name)
        self._account.add(lesson.lines[part])
        tally = replace(self._tally, upto_us=self._account.upto_us)
        return observe(tally, self._spec.guard, *errors, numbers=self._student.numbers)

    def _checkpoint(self, learner: Learner) -> None:
        rows = concat(self._rows)
        rows = rows.take(slice(max(0, rows.rows - REFERENCE_ROWS), None))
        note = (
            f"Learnt online from {self._tally.learner.rows} labels of {self._spec.endpoint}, "
            f"from {learner.base} on."
        )
        learned = Learned(
            log=self._spec.endpoint,
            base=learner.base,
            labels=self._tally.learner.rows,
            since=self._account.range,
        )
        name = self._versions.save(self._student, rows, learner.version, note, learned)
        there, now_us = set(self._log.files()), self._clock.now_us()
        passed = sorted(self._passed & there)
        made = self._put(
            lambda now: checkpoint(now, name, self._tally, passed, now_us),
            self._event("online checkpoint", {"version": name, "before": learner.version}),
        )
        self._tally = made.tally
        self._account = Account()
        self._student = self._load(name)  # what a process that begins again would go on from
        if made.good != learner.good:
            self._good = self._versions.load(made.good)

    def _freeze(self, why: str) -> None:
        back = self._spec.on_worse == "roll back"
        action = "online rolled back" if back else "online frozen"
        self._put(
            lambda now: freeze(now, self._tally, GUARD, why, back=back),
            self._event(action, {"reason": why}),
        )

    def _event(self, action: str, detail: dict[str, Any]) -> Event:
        found = score(self._tally.recent, numbers=self._student.numbers)
        shown = {} if found is None else {"score": found.value}
        detail = detail | {"labels": self._tally.learner.rows} | shown
        now_us = self._clock.now_us()
        return Event(
            time_us=now_us, actor="online", action=action, subject=self._key, detail=detail
        )

    def _current(self) -> Stored[Learner]:
        """The learner as it is on record, if it still is the one that this process is for."""
        stored = self._store.get(LEARNERS, self._key)
        if (
            stored is None
            or stored.value.state != "learning"
            or stored.value.began_us != self._began_us
        ):
            raise _OverError
        return stored

    def _put(self, change: Callable[[Learner], Learner], *events: Event) -> Learner:
        """Change the record, whoever changes it meanwhile, as long as it is to learn."""
        for _ in range(TRIES_MAX):
            stored = self._current()
            after = change(stored.value)
            try:
                put = Put(LEARNERS, self._key, after, stored.revision)
                self._store.commit(put, events=events)
            except ConflictError:
                continue
            return after
        raise ConflictError("Too many others change the learner at once.")


def is_read(store: Store, endpoints: Collection[str], segment: str) -> bool:
    """Whether no learner has still to read a file of labels by itself, by its record's key.

    One that is not in a checkpoint may be read again; who is frozen goes on with what comes after.
    """
    for endpoint in endpoints:
        if segment.startswith(f"segment/feedback/{endpoint}/"):
            stored = store.get(LEARNERS, LEARNERS.key(endpoint))
            learner = None if stored is None else stored.value
            return learner is None or learner.state == "frozen" or segment in learner.passed
    return True
