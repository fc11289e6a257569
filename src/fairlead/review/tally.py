"""Counts of who decided and how people and model agreed, which add up."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fairlead.records import Kind
from fairlead.review.question import text_of
from fairlead.review.types import Task, Value
from fairlead.stats.agreement import Table

LABELS_MAX = 100
"""That are told apart; of rows with further ones it is only counted whether both agree."""


class Judged(msgspec.Struct, frozen=True):
    """Rows that the model answered and a person decided.

    Args:
        rows: how many.
        agreed: of these, where both say the same.
        labels: rows by the person's label and the model's.
    """

    rows: int = 0
    agreed: int = 0
    labels: Table = {}


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of an endpoint's version in one mode.

    Args:
        endpoint: that was asked.
        version: that predicted.
        mode: of the endpoint.
        rows: that were asked for.
        by_model: of these, whose answer callers were given.
        failed: decided by a person where the model had no answer.
        pending: of rows that waited for a person.
        audit: of rows that the model had decided.
    """

    endpoint: str
    version: str
    mode: str
    rows: int = 0
    by_model: int = 0
    failed: int = 0
    pending: Judged = Judged()
    audit: Judged = Judged()


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """What one person did in one queue.

    Args:
        name: of the reviewer.
        queue: that they decide in.
        decided: how much.
        compared: of that, where the model had an answer.
        agreed: of that, where both say the same.
        lately_us: when the last few decisions were made, in order.
    """

    name: str
    queue: str
    decided: int = 0
    compared: int = 0
    agreed: int = 0
    lately_us: tuple[int, ...] = ()

    @property
    def per_hour(self) -> float | None:
        """The pace of the last few decisions; None of fewer than two."""
        if len(self.lately_us) < 2 or self.lately_us[-1] <= self.lately_us[0]:
            return None
        return (len(self.lately_us) - 1) * 3.6e9 / (self.lately_us[-1] - self.lately_us[0])


LATELY_MAX = 20
TALLIES = Kind("tally", Tally)
REVIEWERS = Kind("reviewer", Reviewer)


def place_of(task: Task) -> str:
    """The key of the tally that a task counts in."""
    return TALLIES.key(task.endpoint, task.version, task.mode)


def count(before: Tally, task: Task, field: str) -> Tally:
    """The tally with one decision more.

    Args:
        before: so far.
        task: that was decided.
        field: the output that the person said in the model's place.
    """
    assert task.decision is not None
    guess = guess_of(task, field)
    if guess is None:
        return replace(before, failed=before.failed + 1)
    if task.reason == "audit":
        return replace(before, audit=_judge(before.audit, task.decision, guess))
    return replace(before, pending=_judge(before.pending, task.decision, guess))


def credit(before: Reviewer, task: Task, field: str) -> Reviewer:
    """What a reviewer did, with one decision more."""
    assert task.decision is not None
    assert task.decided_us is not None
    guess = guess_of(task, field)
    agrees = guess is not None and text_of(guess) == text_of(task.decision)
    return replace(
        before,
        decided=before.decided + 1,
        compared=before.compared + (guess is not None),
        agreed=before.agreed + agrees,
        lately_us=(*before.lately_us, task.decided_us)[-LATELY_MAX:],
    )


def guess_of(task: Task, field: str) -> Value | None:
    """The model's answer to the question; None where it had none."""
    found = None if task.guess is None else task.guess.get(field)
    return found if isinstance(found, bool | int | float | str) else None


def _judge(before: Judged, decision: Value, guess: Value) -> Judged:
    person, model = text_of(decision), text_of(guess)
    labels = before.labels
    known = {*labels, *(name for row in labels.values() for name in row)}
    if len(known | {person, model}) <= LABELS_MAX:
        row = labels.get(person, {})
        labels = {**labels, person: {**row, model: row.get(model, 0) + 1}}
    return Judged(before.rows + 1, before.agreed + (person == model), labels)
