"""The shell that makes feedback of decisions, and tells those who wait for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from msgspec.structs import replace

from fairlead.alerts import NOTIFICATIONS, Notification
from fairlead.clock import Clock
from fairlead.errors import ConflictError
from fairlead.ids import IdSource, parse
from fairlead.predictionlog import FeedbackFrame, JournalWriter, encode_feedback
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.read import feedback
from fairlead.review.announce import announce
from fairlead.review.decide import is_due
from fairlead.review.queues import reviewer_key
from fairlead.review.sweep import SWEEP_US, sweep
from fairlead.review.tally import REVIEWERS, TALLIES, Reviewer, Tally, count, credit, place_of
from fairlead.review.terms import Terms, terms_of
from fairlead.review.types import PLACES, TASKS, Place, Task, media_key
from fairlead.routing import ROUTES
from fairlead.store import ABSENT, Blobs, Delete, Put, Store, Stored

SOURCE = "review"
DECISION, LABEL = "decision", "label"
DELIVERED_MAX = 100
"""Decisions of an endpoint that are delivered together."""

Channels = Callable[[str], Sequence[str]]
"""The channels that are told of an endpoint's decisions."""


class Deliverer:
    """Delivers decisions.

    A decision leaves in three steps, each of which may be the last before the process dies: it
    is noted that it leaves, from when on it cannot be undone; it is written to the log; and one
    commit notes that it is delivered, counts it, and hands it to the channels. What is found
    half-way is looked up on the log, so that it stands there once. An endpoint whose decisions
    cannot be delivered holds up no other.

    Args:
        store: of tasks.
        blobs: of the log, and of pictures and sound that were kept for reviewers.
        folder: of this machine's journals.
        clock: for times.
        channels: that are told.
    """

    def __init__(
        self, store: Store, blobs: Blobs, folder: Path, clock: Clock, channels: Channels
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._folder = folder
        self._clock = clock
        self._channels = channels
        self._ids = IdSource(clock)
        self._journal = JournalWriter(folder, "feedback", clock, durability="disk")
        self._attempts = Attempts(clock, "The decisions of {} cannot be delivered")
        self._seen = 0
        self._decided: dict[str, str] = {}
        self._sweep_us = 0

    def tick(self) -> None:
        """Deliver what is due.

        Raises:
            StorageError: those of an endpoint cannot be; of all others they are.
        """
        now_us = self._clock.now_us()
        if now_us >= self._sweep_us:
            self._sweep_us = now_us + SWEEP_US
            sweep(self._store, self._blobs, now_us)
        due: dict[str, list[Stored[Place]]] = {}
        for key in self._look():
            stored = self._store.get(PLACES, key)
            if stored is None or stored.value.decided_us is None:
                self._decided.pop(key, None)  # delivered, or undone
            elif is_due(stored.value, now_us):
                due.setdefault(stored.value.endpoint, []).append(stored)
        for endpoint, places in due.items():
            self._attempts.attempt(endpoint, partial(self._deliver_all, endpoint, places))
        self._attempts.settle(due)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _look(self) -> list[str]:
        """The places that are decided, found by what changed since the last look."""
        revision = self._store.revision()
        for stored in self._store.scan(PLACES, after=self._seen):
            if stored.value.decided_us is not None:
                self._decided[stored.key] = stored.value.endpoint
        self._seen = revision
        return sorted(self._decided)

    def _deliver_all(self, endpoint: str, places: Sequence[Stored[Place]]) -> None:
        for start in range(0, len(places), DELIVERED_MAX):
            self._deliver(endpoint, places[start : start + DELIVERED_MAX])

    def _deliver(self, endpoint: str, places: Sequence[Stored[Place]]) -> None:
        half_way = [stored.value.id for stored in places if stored.value.is_leaving]
        there = self._on_log(endpoint, half_way)
        leaving = [left for stored in places if (left := self._leave(stored)) is not None]
        tasks = [self._store.get(TASKS, TASKS.key(stored.value.id)) for stored in leaving]
        found = [task for task in tasks if task is not None]
        terms = self._terms(endpoint)
        self._write(endpoint, [task.value for task in found if task.value.id not in there], terms)
        self._note(found, leaving, terms)
        for task in found:
            for field in terms.media if terms else ():
                self._blobs.delete(media_key(task.value.id, field))

    def _leave(self, stored: Stored[Place]) -> Stored[Place] | None:
        """Note that a decision leaves; None where it was undone at the same moment."""
        if stored.value.is_leaving:
            return stored
        leaving = replace(stored.value, is_leaving=True)
        try:
            revision = self._store.commit(Put(PLACES, stored.key, leaving, stored.revision))
        except ConflictError:
            return None
        return Stored(stored.key, leaving, revision)

    def _on_log(self, endpoint: str, ids: Sequence[str]) -> set[str]:
        """Those whose decision an earlier attempt has written."""
        if not ids:
            return set()
        log = feedback(self._store, self._blobs, self._folder, endpoint)
        ours = (pl.col("source") == SOURCE) & pl.col("prediction_id").is_in(ids)
        return set(log.filter(ours).select("prediction_id").collect()["prediction_id"])

    def _terms(self, endpoint: str) -> Terms | None:
        stored = self._store.get(ROUTES, ROUTES.key(endpoint))
        return None if stored is None else terms_of(stored.value)

    def _write(self, endpoint: str, tasks: Sequence[Task], terms: Terms | None) -> None:
        """Write decisions to the log: what a person said, which is also what is true of it.

        Where the model answers no label and no number there is nothing that a truth is held
        against.
        """
        names = (DECISION, LABEL) if terms and terms.question.field else (DECISION,)
        said = [(task, name) for task in tasks for name in names]
        if not said:
            return
        frame = FeedbackFrame(
            endpoint=endpoint,
            time_us=np.array([task.decided_us for task, _ in said], dtype=np.int64),
            received_us=self._clock.now_us(),
            ids=[parse(task.id) or b"" for task, _ in said],
            names=[name for _, name in said],
            values=[_said(task) for task, _ in said],
            source=SOURCE,
        )
        self._journal.append(encode_feedback(frame))

    def _note(
        self,
        tasks: Sequence[Stored[Task]],
        places: Sequence[Stored[Place]],
        terms: Terms | None,
    ) -> None:
        """One commit: delivered, counted, handed to the channels, out of the line."""
        now_us = self._clock.now_us()
        field = terms.question.field if terms else ""
        changes: list[Put[Any] | Delete] = [Delete(p.key, p.revision) for p in places]
        tallies: dict[str, Tally] = {}
        reviewers: dict[str, Reviewer] = {}
        for stored in tasks:
            task = stored.value
            delivered = replace(task, delivered_us=now_us)
            changes.append(Put(TASKS, stored.key, delivered, stored.revision))
            changes += [self._notification(task, name) for name in self._channels(task.endpoint)]
            if task.reason != "sample":  # which shows hard rows, and not how good a model is
                key = place_of(task)
                tallies[key] = count(tallies.get(key) or self._tally(key, task), task, field)
            key = reviewer_key(task.queue, task.decided_by)
            reviewers[key] = credit(reviewers.get(key) or self._reviewer(key, task), task, field)
        # This process alone counts, as it alone has the lease.
        changes += [Put(TALLIES, key, tally, None) for key, tally in tallies.items()]
        changes += [Put(REVIEWERS, key, one, None) for key, one in reviewers.items()]
        self._store.commit(*changes)

    def _tally(self, key: str, task: Task) -> Tally:
        stored = self._store.get(TALLIES, key)
        if stored is not None:
            return stored.value
        return Tally(endpoint=task.endpoint, version=task.version, mode=task.mode)

    def _reviewer(self, key: str, task: Task) -> Reviewer:
        stored = self._store.get(REVIEWERS, key)
        return Reviewer(name=task.decided_by, queue=task.queue) if stored is None else stored.value

    def _notification(self, task: Task, channel: str) -> Put[Notification]:
        now_us = self._clock.now_us()
        notification = Notification(
            id=self._ids.one(),
            channel=channel,
            message=announce(task),
            created_us=now_us,
            next_us=now_us,
        )
        return Put(NOTIFICATIONS, NOTIFICATIONS.key(notification.id), notification, ABSENT)


def _said(task: Task) -> bool | int | float | str:
    assert task.decision is not None
    return task.decision
