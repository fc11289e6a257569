"""The shell: takes each endpoint's updates as far as the time allows, with attempts beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from fairlead.alerts import NOTIFICATIONS, Notification
from fairlead.alerts.types import ALERTS
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, ForbiddenError, NotFoundError
from fairlead.ids import IdSource
from fairlead.registry import Registry
from fairlead.releases import OPEN, RELEASES, Release
from fairlead.routing import ROUTES
from fairlead.schedules.attempts import Attempt, Attempts, Process
from fairlead.schedules.narrate import LINES_MAX
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored
from fairlead.updates.announce import announce, detail
from fairlead.updates.decide import (
    RETRY_US_MAX,
    begin,
    close,
    due_us,
    end,
    fail,
    go_on,
    hear,
    interrupt,
    is_due,
    make,
    note,
    open_update,
    pause,
    say,
    too_long,
)
from fairlead.updates.types import (
    UPDATES,
    UPDATING,
    Broken,
    Done,
    Standing,
    Told,
    Update,
    UpdateSpec,
    lease_of,
)

UPDATES_MAX = 200
"""Of each endpoint, that are remembered."""
COUNT_S = 30.0
"""Between two looks at how many labels have come in."""
RELEASES_SEEN = 50
"""The newest ones, among which is that which was asked for just before a death."""
WAITS = "It waits until another release of the endpoint has ended."

Start = Callable[[UpdateSpec, Update, str, str], Process[Told]]
"""Starts an attempt, under a lease, held by a name."""
Publish = Callable[[UpdateSpec, Update, str], Release]
"""Asks for the release of what an update made, as an actor."""
Labels = Callable[[str, int], int]
"""How many labels an endpoint's log has received since a time."""


class UpdateController:
    """Opens updates that are due, makes attempts, judges by what they tell, follows the release.

    An update is on record before anything is done for it, and each step before the next one; so
    whoever goes on after a death does what is left, and nothing twice.

    Args:
        store: of updates, alerts, routes and releases.
        clock: for what is due.
        registry: of the versions.
        specs: that the settings name.
        start: starts an attempt in a process of its own.
        publish: asks for a release.
        labels: counts those that came in.
        at_once: attempts that may be under way.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: Registry,
        specs: Sequence[UpdateSpec],
        start: Start,
        publish: Publish,
        labels: Labels,
        at_once: int = 1,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._specs = {spec.endpoint: spec for spec in specs}
        self._start = start
        self._publish = publish
        self._labels = labels
        self._ids = IdSource(clock)
        self._attempts = Attempts[Told](store, clock, at_once)
        self._counted: dict[str, tuple[float, int, int]] = {}

    def tick(self) -> None:
        """Note what speaks for updates, open what is due, and take what is open further.

        Raises:
            Exception: what kept an endpoint from its step; others have had theirs.
        """
        kept_from: list[Exception] = []
        for spec in self._specs.values():
            try:
                self._look(spec)
            except Exception as error:  # of this endpoint, whatever it is
                kept_from.append(error)
        if kept_from:
            raise kept_from[0]

    def close(self) -> None:
        """End what is under way; another attempt is made by whoever comes next."""
        for endpoint in self._attempts.places():
            attempt, stored = self._attempts.find(endpoint), self._under_way(endpoint)
            assert attempt is not None
            attempt.process.close()
            if stored is not None and stored.value.holder == attempt.holder:
                self._put(stored, pause(stored.value, self._clock.now_us()))
            self._attempts.end(endpoint)

    def _look(self, spec: UpdateSpec) -> None:
        """One endpoint's step."""
        answering = self._answering(spec.endpoint)
        if answering == "":
            return  # there is nothing yet that could be updated
        stored = self._noted(spec, answering)
        standing, now_us = stored.value, self._clock.now_us()
        at_us = due_us(spec, standing)
        if at_us is not None and is_due(at_us, now_us):
            self._open(spec, stored)
        elif standing.update:
            self._step(spec, self._found(spec.endpoint, standing.update))

    def _noted(self, spec: UpdateSpec, answering: str) -> Stored[Standing]:
        """Where an endpoint's updates stand now."""
        key = UPDATING.key(spec.endpoint)
        stored = self._store.get(UPDATING, key)
        before = None if stored is None else stored.value
        known_us = before.known_us if before is not None else 0
        known_us = known_us or self._registry.resolve(answering).created_us
        firing = [
            alert.value
            for alert in self._store.scan(ALERTS, f"{spec.endpoint}/")
            if alert.value.state == "firing"
        ]
        labels = self._count(spec, known_us)
        after = note(spec, before, firing, labels, known_us, self._clock.now_us())
        if stored is not None and after == before:
            return stored
        expect = ABSENT if stored is None else stored.revision
        return Stored(key, after, self._store.commit(Put(UPDATING, key, after, expect)))

    def _count(self, spec: UpdateSpec, known_us: int) -> int:
        """New labels, looked at now and then; 0 where nobody asks."""
        if not any(one.kind == "labels" for one in spec.when):
            return 0
        now_s = self._clock.monotonic_s()
        looked_s, since_us, count = self._counted.get(spec.endpoint, (float("-inf"), 0, 0))
        if since_us != known_us or now_s - looked_s >= COUNT_S:
            count = self._labels(spec.data.log, known_us)
            self._counted[spec.endpoint] = (now_s, known_us, count)
        return count

    def _answering(self, endpoint: str) -> str:
        """The version that answers; empty if none does."""
        route = self._store.get(ROUTES, ROUTES.key(endpoint))
        arms = () if route is None else route.value.arms
        return next((arm.version.name for arm in arms if arm.role == "stable"), "")

    def _open(self, spec: UpdateSpec, stored: Stored[Standing]) -> None:
        standing, update = open_update(spec, stored.value, self._clock.now_us())
        asked = [cause.name for cause in update.causes if cause.kind == "asked"]
        key = UPDATES.key(spec.endpoint, update.id)
        self._store.commit(
            Put(UPDATING, stored.key, standing, stored.revision),
            Put(UPDATES, key, update, ABSENT),
            *self._old(spec.endpoint),
            events=(self._event(update, "update opened", asked[0] if asked else "controller"),),
        )

    def _old(self, endpoint: str) -> list[Delete]:
        kept = self._store.scan(UPDATES, f"{endpoint}/")
        ended = sorted((each for each in kept if each.value.ended_us), key=lambda each: each.key)
        return [
            Delete(each.key, each.revision) for each in ended[: max(0, len(kept) - UPDATES_MAX)]
        ]

    def _found(self, endpoint: str, update: str) -> Stored[Update]:
        stored = self._store.get(UPDATES, UPDATES.key(endpoint, update))
        assert stored is not None, "one that is under way is not deleted"
        return stored

    def _under_way(self, endpoint: str) -> Stored[Update] | None:
        standing = self._store.get(UPDATING, UPDATING.key(endpoint))
        name = "" if standing is None else standing.value.update
        return self._found(endpoint, name) if name else None

    def _step(self, spec: UpdateSpec, stored: Stored[Update]) -> None:
        update, now_us = stored.value, self._clock.now_us()
        attempt = self._attempts.find(spec.endpoint)
        if attempt is not None and (update.state != "running" or update.holder != attempt.holder):
            self._attempts.end(spec.endpoint)  # another controller has taken it over
            attempt = None
        if update.word is not None:
            self._put(stored, hear(update, now_us))
            self._attempts.end(spec.endpoint)
        elif update.state == "releasing":
            self._release(spec, stored)
        elif attempt is not None:
            self._hear(spec, stored, attempt)
        elif update.state in ("waiting", "running"):
            self._try(spec, stored)

    def _try(self, spec: UpdateSpec, stored: Stored[Update]) -> None:
        """Start an attempt, if it is due and there is room."""
        now_us = self._clock.now_us()
        due = stored.value.state == "running" or is_due(stored.value.due_us, now_us, RETRY_US_MAX)
        if not due or self._attempts.is_full:
            return
        lease = lease_of(spec.endpoint)
        with self._attempts.claim(spec.endpoint, lease) as holder:
            if holder is None:
                return  # its process lives, as another controller's
            if stored.value.state == "running":  # who started it is gone
                stored = self._put(stored, interrupt(stored.value, now_us))
            if stored.value.state == "waiting":
                self._begin(spec, stored, lease, holder)

    def _begin(self, spec: UpdateSpec, stored: Stored[Update], lease: str, holder: str) -> None:
        stored = self._put(stored, begin(stored.value, holder, self._clock.now_us()))
        try:
            process = self._start(spec, stored.value, lease, holder)
        except OSError:
            why = "No process could be started for it."
            self._put(stored, fail(spec, stored.value, why, self._clock.now_us(), again=True))
        else:
            self._attempts.begin(spec.endpoint, process, lease, holder)

    def _hear(self, spec: UpdateSpec, stored: Stored[Update], attempt: Attempt[Told]) -> None:
        """Note what an attempt has told."""
        now_us = self._clock.now_us()
        told = attempt.process.look()
        attempt.said += attempt.process.lines()
        update = say(stored.value, now_us, *attempt.said)
        if isinstance(told, Done):
            ended = make(spec, update, told.made, now_us)
        elif isinstance(told, Broken):
            ended = fail(spec, update, told.error, now_us, again=told.again)
        elif why := too_long(spec, self._attempts.taken_s(spec.endpoint)):
            ended = fail(spec, update, why, now_us, again=True)
        else:
            self._tell(attempt, stored, update if told is None else go_on(update, told, now_us))
            return
        self._put(stored, ended)
        self._attempts.end(spec.endpoint)

    def _tell(self, attempt: Attempt[Told], stored: Stored[Update], update: Update) -> None:
        """Put on record how far an attempt is, now and then."""
        if update != stored.value and self._attempts.is_to_tell(update.endpoint):
            self._put(stored, update)
            attempt.said.clear()
        del attempt.said[:-LINES_MAX]

    def _release(self, spec: UpdateSpec, stored: Stored[Update]) -> None:
        """Ask for the release of what was made, or see what came of it."""
        update, now_us = stored.value, self._clock.now_us()
        if not update.release:
            self._ask(spec, stored)
            return
        found = self._store.get(RELEASES, RELEASES.key(spec.endpoint, update.release))
        assert found is not None, "releases are never deleted"
        release = found.value
        if release.state in OPEN:
            return
        if release.state == "done":
            self._put(stored, end(update, "promoted", "", now_us))
            return
        reason = f"Its release is {release.state}: {release.reason}"
        self._put(stored, end(update, "rolled back", reason, now_us))

    def _ask(self, spec: UpdateSpec, stored: Stored[Update]) -> None:
        """Ask for the release; one that was asked for before a death is taken up."""
        update, now_us = stored.value, self._clock.now_us()
        assert update.made is not None
        actor = f"update {update.name}"
        try:
            release = self._asked(spec.endpoint, actor) or self._published(spec, update, actor)
        except ConflictError:
            if update.log[-1].text != WAITS:
                self._put(stored, say(update, now_us, WAITS))
        except (ConfigError, ForbiddenError, NotFoundError) as error:
            self._put(stored, end(update, "failed", str(error), now_us))
        else:
            if release is None:
                why = f"By now another version answers than {update.made.champion}."
                self._put(stored, end(update, "rejected", why, now_us))
                return
            said = f"Its release is under way: {release.plan.strategy}."
            self._put(stored, say(replace(update, release=release.id), now_us, said))

    def _asked(self, endpoint: str, actor: str) -> Release | None:
        newest = self._store.last(RELEASES, f"{endpoint}/", limit=RELEASES_SEEN)
        known = (stored.value for stored in newest)
        return next((one for one in known if one.actor == actor), None)

    def _published(self, spec: UpdateSpec, update: Update, actor: str) -> Release | None:
        """The release; None if what was to be replaced answers no more."""
        assert update.made is not None
        if self._answering(spec.endpoint) != update.made.champion:
            return None
        return self._publish(spec, update, actor)

    def _put(self, stored: Stored[Update], update: Update) -> Stored[Update]:
        """Put an update on record; its end with all that follows from it."""
        changes: list[Put[Any]] = [Put(UPDATES, stored.key, update, stored.revision)]
        before, now_us = stored.value, self._clock.now_us()
        events = []
        if (update.state, update.release) != (before.state, before.release):
            word = update.outcome if update.state == "ended" else update.state
            events.append(self._event(update, f"update {word}", "controller"))
        if update.state == "ended":
            key = UPDATING.key(update.endpoint)
            standing = self._store.get(UPDATING, key)
            assert standing is not None
            closed = close(standing.value, update, now_us)
            changes.append(Put(UPDATING, key, closed, standing.revision))
            spec = self._specs[update.endpoint]
            changes += [self._told(channel, update, now_us) for channel in spec.announce]
        return Stored(stored.key, update, self._store.commit(*changes, events=events))

    def _told(self, channel: str, update: Update, now_us: int) -> Put[Notification]:
        notification = Notification(
            id=self._ids.one(), channel=channel, message=announce(update),
            created_us=now_us, next_us=now_us,
        )  # fmt: skip
        key = NOTIFICATIONS.key(notification.id)
        return Put(NOTIFICATIONS, key, notification, ABSENT)

    def _event(self, update: Update, action: str, actor: str) -> Event:
        return Event(
            time_us=self._clock.now_us(), actor=actor, action=action,
            subject=UPDATES.key(update.endpoint, update.id), detail=detail(update),
        )  # fmt: skip
