"""How the queues stand: what waits in them, who decides, and what that has shown."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from fairlead.clock import Clock
from fairlead.errors import NotFoundError
from fairlead.nearest import nearest
from fairlead.review.question import Question, question_of, text_of
from fairlead.review.rungs import Rung, rung_of
from fairlead.review.take import is_held
from fairlead.review.tally import REVIEWERS, TALLIES, Reviewer
from fairlead.review.terms import terms_of
from fairlead.review.types import PLACES, TASKS, Place, Task
from fairlead.routing import ROUTES, Route
from fairlead.store import Store, Stored

NOBODY = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How a queue stands.

    Args:
        queue: its name.
        endpoints: whose predictions wait in it.
        waiting: tasks that nobody has decided.
        taken: of these, before a reviewer now.
        oldest_us: when the prediction was asked for that waits longest, of those that were not
            chosen to be labelled later; None where none does.
        decided: tasks whose decision is not delivered yet.
    """

    queue: str
    endpoints: tuple[str, ...]
    waiting: int
    taken: int
    oldest_us: int | None
    decided: int


class Queues:
    """What can be seen of the queues of a platform.

    Args:
        store: of the records.
        clock: for leases.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def lines(self) -> list[Line]:
        """All queues that people are asked in, by name, also those in which nothing waits."""
        places = self._by_queue()
        routes = [stored.value for stored in self._store.scan(ROUTES)]
        asking = {route.queue for route in routes if terms_of(route).asks}
        return [self._line(queue, places.get(queue, [])) for queue in sorted({*places, *asking})]

    def line(self, queue: str) -> Line:
        """How one queue stands.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        return self._line(queue, [stored.value for stored in self.places(queue)])

    def places(self, queue: str) -> list[Stored[Place]]:
        """The places of a queue, oldest first.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        found = self._store.scan(PLACES, f"{queue}/")
        known = {queue} if found else self._known(self._by_queue())
        if queue in known:
            return found
        close = nearest(queue, known)
        raise NotFoundError(
            "There is no queue of this name.", hint=f"Did you mean '{close}'?" if close else ""
        )

    def named(self, name: str) -> str:
        """The queue that a person means: of this name, or that of an endpoint of this name.

        Raises:
            NotFoundError: there is neither; names the nearest.
        """
        stored = self._store.get(ROUTES, ROUTES.key(name))
        queue = name if stored is None else stored.value.queue
        self.places(queue)
        return queue

    def task(self, task: str) -> Task:
        """One task, by its id.

        Raises:
            NotFoundError: there is none.
        """
        return self.stored(task).value

    def stored(self, task: str) -> Stored[Task]:
        """One task as it is in the store, by its id.

        Raises:
            NotFoundError: there is none.
        """
        stored = self._store.get(TASKS, TASKS.key(task))
        if stored is None:
            raise NotFoundError("There is no task of this id.")
        return stored

    def waiting(self, queue: str) -> list[Task]:
        """The tasks of a queue that nobody has decided, oldest first.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        found = (self.task(stored.value.id) for stored in self.places(queue))
        return [task for task in found if task.state == "open"]

    def decided(self, queue: str) -> list[Task]:
        """The tasks of a queue that somebody has decided and that are on record, oldest first.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        self.places(queue)
        found = (stored.value for stored in self._store.scan(TASKS))
        return [task for task in found if task.queue == queue and task.state != "open"]

    def undoable(self, queue: str, reviewer: str) -> Stored[Place] | None:
        """The place of a reviewer's last decision that is not on its way yet.

        Raises:
            NotFoundError: there is no such queue; names the nearest.
        """
        found = self.places(queue)
        mine = [s for s in found if s.value.decided_by == reviewer and not s.value.is_leaving]
        return max(
            mine, key=lambda stored: (stored.value.decided_us or 0, stored.key), default=None
        )

    def reviewers(self, queue: str) -> list[Reviewer]:
        """What each person did in a queue, by name."""
        return [stored.value for stored in self._store.scan(REVIEWERS, f"{queue}/")]

    def reviewer(self, queue: str, name: str) -> Reviewer:
        """What one person did in a queue."""
        stored = self._store.get(REVIEWERS, reviewer_key(queue, name))
        return Reviewer(name=name, queue=queue) if stored is None else stored.value

    def question(self, endpoint: str) -> Question:
        """What is asked of an endpoint's predictions.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        return question_of(self._route(endpoint).signature)

    def rungs(self, endpoint: str) -> list[Rung]:
        """What each mode that an endpoint was in has shown, of each version.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        labels = [text_of(choice) for choice in self.question(endpoint).choices]
        found = (stored.value for stored in self._store.scan(TALLIES, f"{endpoint}/"))
        return [rung_of(tally, labels) for tally in found]

    def _route(self, endpoint: str) -> Route:
        stored = self._store.get(ROUTES, ROUTES.key(endpoint))
        if stored is None:
            known = [each.value.endpoint for each in self._store.scan(ROUTES)]
            close = nearest(endpoint, known)
            raise NotFoundError(
                "There is no endpoint of this name.",
                hint=f"Did you mean '{close}'?" if close else "",
            )
        return stored.value

    def _line(self, queue: str, places: list[Place]) -> Line:
        left = [place for place in places if place.decided_us is None]
        oldest = next((place for place in left if not place.is_sample), None)
        now_us = self._clock.now_us()
        routes = (stored.value for stored in self._store.scan(ROUTES))
        asking = {route.endpoint for route in routes if route.queue == queue}
        return Line(
            queue=queue,
            endpoints=tuple(sorted(asking | {place.endpoint for place in places})),
            waiting=len(left),
            taken=sum(is_held(place, NOBODY, now_us) for place in left),
            oldest_us=None if oldest is None else self.task(oldest.id).created_us,
            decided=len(places) - len(left),
        )

    def _by_queue(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for stored in self._store.scan(PLACES):
            found.setdefault(stored.key.split("/")[1], []).append(stored.value)
        return found

    def _known(self, places: dict[str, list[Place]]) -> set[str]:
        """The queues in which something waits, or that an endpoint asks in."""
        routes = (stored.value for stored in self._store.scan(ROUTES))
        return {*places, *(route.queue for route in routes)}


def reviewer_key(queue: str, name: str) -> str:
    """Of the record of what one person did in a queue."""
    return REVIEWERS.key(queue, quote(name, safe=""))
