"""The shell on the controller's side: keeps learners' processes alive, and lets versions follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import ConflictError, FairleadError
from fairlead.learning.decide import FAILURES_MAX, Next, begin, freeze, go_on, retry_us
from fairlead.learning.labels import LabelLog
from fairlead.learning.types import (
    FOLLOWING,
    LEARNERS,
    Following,
    Learner,
    OnlineSpec,
    Stopped,
    lease_of,
)
from fairlead.releases import OPEN, RELEASES, Release, ReleaseController
from fairlead.routing import ROUTES
from fairlead.schedules.attempts import Attempts, Process
from fairlead.store import ABSENT, Blobs, Event, Put, Store, Stored

Start = Callable[[OnlineSpec, str, str], Process[Stopped]]
"""Starts the process of a learner, under a lease, held by a name."""
Ask = Callable[[OnlineSpec, str, str], Release]
"""Asks for the release of a version, with a reason."""

ACTOR = "online"


class LearningController:
    """Has one process learn for each endpoint whose model does, and releases what comes of it.

    Args:
        store: of learners, routes and releases.
        blobs: of the log.
        releases: that are under way.
        clock: for the times of records.
        specs: of the endpoints whose models learn.
        start: starts a process.
        ask: asks for a release.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        releases: ReleaseController,
        clock: Clock,
        specs: Sequence[OnlineSpec],
        start: Start,
        ask: Ask,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._releases = releases
        self._clock = clock
        self._specs = specs
        self._start = start
        self._ask = ask
        self._attempts: Attempts[Stopped] = Attempts(store, clock, max(1, len(specs)))

    def tick(self) -> None:
        """See what each learner needs.

        Raises:
            FairleadError: a release was refused; all others are seen to.
        """
        refused: list[FairleadError] = []
        for spec in self._specs:
            answering = self._answering(spec.endpoint)
            if not answering:
                continue
            try:
                self._tend(spec, answering)
            except ConflictError:
                continue  # someone else was first: look again
            except FairleadError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def close(self) -> None:
        """End all processes; what they have committed stays."""
        for endpoint in self._attempts.places():
            self._attempts.end(endpoint)

    def _tend(self, spec: OnlineSpec, answering: str) -> None:
        key = LEARNERS.key(spec.endpoint)
        stored = self._store.get(LEARNERS, key)
        if stored is None:
            self._begin(spec, answering, None, "The settings say so.")
            return
        following = self._following(spec, answering)
        if self._releases.under_way(spec.endpoint) is None:
            self._follow(spec, stored, following, answering)
            stored = self._store.get(LEARNERS, key) or stored
        self._keep(spec, stored)

    def _answering(self, endpoint: str) -> str:
        """The version that answers; empty if none does."""
        stored = self._store.get(ROUTES, ROUTES.key(endpoint))
        arms = () if stored is None else stored.value.arms
        return next((arm.version.name for arm in arms if arm.role == "stable"), "")

    def _following(self, spec: OnlineSpec, answering: str) -> Stored[Following]:
        key = FOLLOWING.key(spec.endpoint)
        stored = self._store.get(FOLLOWING, key)
        if stored is not None:
            return stored
        first = Following(endpoint=spec.endpoint, seen=answering)
        return Stored(key, first, self._store.commit(Put(FOLLOWING, key, first, ABSENT)))

    def _begin(
        self, spec: OnlineSpec, answering: str, stored: Stored[Learner] | None, why: str
    ) -> None:
        """Begin with the version that answers, and with the labels that come from now on."""
        key = LEARNERS.key(spec.endpoint)
        log = LabelLog(self._store, self._blobs, spec.endpoint, self._clock)
        learner = begin(spec, answering, log.files(), self._clock.now_us())
        detail = {"version": answering, "reason": why}
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(
            Put(LEARNERS, key, learner, expect),
            Put(
                FOLLOWING,
                FOLLOWING.key(spec.endpoint),
                Following(endpoint=spec.endpoint, seen=answering),
                None,
            ),
            events=(self._event("online begun", key, detail),),
        )
        self._attempts.end(spec.endpoint)

    def _follow(
        self, spec: OnlineSpec, stored: Stored[Learner], kept: Stored[Following], answering: str
    ) -> None:
        """Release what shall answer; see what others let answer."""
        learner, following = stored.value, kept.value
        ended, why = self._ended(following)
        found: Next = go_on(learner, following, answering, ended, why)
        match found.name:
            case "note":
                self._put(kept, replace(following, seen=answering))
            case "release":
                back = learner.answers != learner.version
                reason = learner.reason if back else f"What {learner.base} has learnt online."
                release = self._ask(spec, learner.answers, reason)
                self._put(kept, replace(following, asked=learner.answers, release=release.id))
            case "begin":
                self._begin(spec, answering, stored, found.reason)
            case "freeze":
                self._freeze(stored, found.reason)
            case "wait":
                pass

    def _ended(self, following: Following) -> tuple[str, str]:
        """How the release that was asked for last ended, and why."""
        if not following.release:
            return "", ""
        key = RELEASES.key(following.endpoint, following.release)
        stored = self._store.get(RELEASES, key)
        if stored is None or stored.value.state in OPEN:
            return "", ""
        return stored.value.state, stored.value.reason

    def _keep(self, spec: OnlineSpec, stored: Stored[Learner]) -> None:
        """Keep its process alive while it learns, and only then."""
        attempt = self._attempts.find(spec.endpoint)
        if attempt is not None:
            told = attempt.process.look()
            attempt.process.lines()  # which passes them on
            if told is None and stored.value.state == "learning":
                return
            self._attempts.end(spec.endpoint)
            if told is not None and told.error:
                self._fail(stored, told)
            return
        kept = self._store.get(FOLLOWING, FOLLOWING.key(spec.endpoint))
        wait_us = 0 if kept is None else kept.value.due_us - self._clock.now_us()
        if stored.value.state != "learning" or 0 < wait_us <= retry_us(FAILURES_MAX):
            return
        lease = lease_of(spec.endpoint)
        with self._attempts.claim(spec.endpoint, lease) as holder:
            if holder is not None:
                process = self._start(spec, lease, holder)
                self._attempts.begin(spec.endpoint, process, lease, holder)

    def _fail(self, stored: Stored[Learner], told: Stopped) -> None:
        """Its process failed: it is tried again later, or frozen; a full disk never freezes it."""
        learner = stored.value
        kept = self._store.get(FOLLOWING, FOLLOWING.key(learner.endpoint))
        assert kept is not None, "it is noted before a process is started"
        same = kept.value.at_us == learner.checkpoint_us
        failures = kept.value.failures + 1 if same else 1
        self._put(
            kept,
            replace(
                kept.value,
                failures=failures,
                at_us=learner.checkpoint_us,
                due_us=self._clock.now_us() + retry_us(failures),
                error=told.error,
            ),
        )
        given_up = not told.again or (failures >= FAILURES_MAX and not told.full)
        if learner.state == "learning" and given_up:
            times = f" {failures} times in a row" if failures > 1 else ""
            self._freeze(stored, f"It failed{times}: {told.error}")

    def _freeze(self, stored: Stored[Learner], reason: str) -> None:
        learner = stored.value
        frozen = freeze(learner, learner.now, "controller", reason, back=False)
        event = self._event("online frozen", stored.key, {"reason": reason})
        self._store.commit(Put(LEARNERS, stored.key, frozen, stored.revision), events=(event,))

    def _put(self, stored: Stored[Following], after: Following) -> None:
        self._store.commit(Put(FOLLOWING, stored.key, after, stored.revision))

    def _event(self, action: str, key: str, detail: dict[str, Any]) -> Event:
        now_us = self._clock.now_us()
        return Event(time_us=now_us, actor=ACTOR, action=action, subject=key, detail=detail)
