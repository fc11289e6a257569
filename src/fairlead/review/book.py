"""What reviewers do: take one task at a time, decide it, pass it over, take a decision back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError
from fairlead.review.decide import decide, undo
from fairlead.review.question import read_value
from fairlead.review.queues import Queues
from fairlead.review.take import choose, is_held, put_back, skip, take
from fairlead.review.types import PLACES, TASKS, Place, Task, Value
from fairlead.store import Event, Put, Store, Stored

TRIES_MAX = 50
REVIEWER_LENGTH_MAX = 100
T = TypeVar("T")


class _RacedError(Exception):
    """Somebody else wrote a record first that was read before."""


class ReviewBook:
    """The work of reviewers.

    Who is first at a record wins, and who comes second looks again: no task is before two people
    at once, and none is decided twice, whatever processes they sit at.

    Args:
        store: of the records.
        clock: for leases and times.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.queues = Queues(store, clock)

    def take(self, queue: str, reviewer: str) -> Task | None:
        """The next task of a queue, for this reviewer alone for a while.

        Args:
            queue: its name.
            reviewer: who asks; they get what they have before them until it is dealt with.

        Returns:
            None where nothing is left for them.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        _check_reviewer(reviewer)

        def attempt() -> Task | None:
            now_us = self._clock.now_us()
            places = {stored.value.id: stored for stored in self.queues.places(queue)}
            chosen = choose((stored.value for stored in places.values()), reviewer, now_us)
            if chosen is None:
                return None
            self._commit([_kept(places[chosen.id], take(chosen, reviewer, now_us))])
            return self.queues.task(chosen.id)

        return _insist(attempt)

    def decide(self, task: str, value: object, reviewer: str) -> Task:
        """Decide a task.

        Args:
            task: its id.
            value: the decision, as JSON has it.
            reviewer: who decides.

        Raises:
            NotFoundError: there is no such task.
            ConfigError: the value is no answer to the question.
            ConflictError: it is decided, or somebody else has it before them.
        """
        return self.decide_all([(task, value)], reviewer)[0]

    def decide_all(self, decisions: Iterable[tuple[str, object]], reviewer: str) -> list[Task]:
        """Decide many tasks together: all of them, or none.

        Args:
            decisions: each task's id and what is decided.
            reviewer: who decides.

        Raises:
            NotFoundError: there is no such task.
            ConfigError: a value is no answer to the question.
            ConflictError: one is decided, or somebody else has it before them.
        """
        _check_reviewer(reviewer)
        wanted = list(decisions)

        def attempt() -> list[Task]:
            now_us = self._clock.now_us()
            puts: list[Put[Any]] = []
            decided: list[Task] = []
            for one, given in wanted:
                stored = self.queues.stored(one)
                place = self._place(stored.value)
                value = self.check(stored.value, given)
                task, left = decide(stored.value, place.value, value, reviewer, now_us)
                puts += [_kept(stored, task), _kept(place, left)]
                decided.append(task)
            self._commit(puts, [_event(now_us, reviewer, "decide", task) for task in decided])
            return decided

        return _insist(attempt)

    def check(self, task: Task, given: object) -> Value:
        """A decision of a task as it is kept.

        Raises:
            ConfigError: it is no answer to the question.
        """
        return read_value(self.queues.question(task.endpoint), given)

    def skip(self, task: str, reviewer: str) -> None:
        """Pass a task over: it goes to others first.

        Args:
            task: its id.
            reviewer: who passes it over.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is decided, or somebody else has it before them.
        """
        self._let_go(task, reviewer, lambda place: skip(place, reviewer))

    def put_back(self, task: str, reviewer: str) -> None:
        """Leave a task where it was, for whoever comes next.

        Args:
            task: its id.
            reviewer: who had it before them.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is decided, or somebody else has it before them.
        """
        self._let_go(task, reviewer, put_back)

    def _let_go(self, task: str, reviewer: str, after: Callable[[Place], Place]) -> None:
        _check_reviewer(reviewer)

        def attempt() -> None:
            stored = self._place(self.queues.task(task))
            place = stored.value
            if place.decided_us is not None or is_held(place, reviewer, self._clock.now_us()):
                raise ConflictError(f"{task} is not before you.", hint="Take the next one.")
            self._commit([_kept(stored, after(place))])

        _insist(attempt)

    def undo(self, queue: str, reviewer: str) -> Task:
        """Take a reviewer's last decision in a queue back, as long as it is not delivered.

        Args:
            queue: its name.
            reviewer: who has decided.

        Returns:
            The task, which is before them again.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
            ConflictError: there is none that can be taken back.
        """
        _check_reviewer(reviewer)

        def attempt() -> Task:
            now_us = self._clock.now_us()
            place = self.queues.undoable(queue, reviewer)
            if place is None:
                raise ConflictError(
                    "There is no decision of yours that can still be taken back.",
                    hint="What is delivered stands: send a correction as feedback under its id.",
                )
            before = self.queues.stored(place.value.id)
            task, again = undo(before.value, place.value, reviewer, now_us)
            event = _event(now_us, reviewer, "undo decision", before.value)
            self._commit([_kept(before, task), _kept(place, again)], [event])
            return task

        return _insist(attempt)

    def _place(self, task: Task) -> Stored[Place]:
        stored = self._store.get(PLACES, PLACES.key(task.queue, task.id))
        if stored is None:
            raise ConflictError(f"{task.id} is decided already, and the decision delivered.")
        return stored

    def _commit(self, puts: Sequence[Put[Any]], events: Sequence[Event] = ()) -> None:
        try:
            self._store.commit(*puts, events=events)
        except ConflictError as error:
            raise _RacedError from error


def _kept(stored: Stored[Any], value: Task | Place) -> Put[Any]:
    """Write a record, if nobody else has since it was read."""
    kind = TASKS if isinstance(value, Task) else PLACES
    return Put(kind, stored.key, value, stored.revision)


def _insist(attempt: Callable[[], T]) -> T:
    """Look again as long as somebody else was first; what they did may make it a refusal.

    Raises:
        ConflictError: somebody else always was.
    """
    for _ in range(TRIES_MAX):
        try:
            return attempt()
        except _RacedError:
            continue
    raise ConflictError("The queue changes too fast.", hint="Try again.")


def _check_reviewer(name: str) -> None:
    if not name or len(name) > REVIEWER_LENGTH_MAX or not name.isprintable():
        raise ConfigError(
            "The reviewer has no name that can be used.",
            hint=f"A name is 1 to {REVIEWER_LENGTH_MAX} characters that can be printed.",
        )


def _event(time_us: int, actor: str, action: str, task: Task) -> Event:
    detail = {"endpoint": task.endpoint, "decision": task.decision}
    subject = TASKS.key(task.id)
    return Event(time_us=time_us, actor=actor, action=action, subject=subject, detail=detail)
