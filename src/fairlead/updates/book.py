"""What people do with updates: look at them, ask for one, approve, decline and cancel."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.durations import write_duration
from fairlead.errors import ConfigError, ConflictError, ForbiddenError, NotFoundError
from fairlead.nearest import nearest
from fairlead.schedules.slots import next_slot
from fairlead.store import ABSENT, Event, Put, Store, Stored
from fairlead.updates.decide import due_us
from fairlead.updates.types import (
    UPDATES,
    UPDATING,
    Cause,
    Standing,
    Update,
    UpdateSpec,
    Word,
)

REASON_LENGTH_MAX = 500
HEARD_IN: dict[str, frozenset[str]] = {
    "approve": frozenset({"asking"}),
    "decline": frozenset({"asking"}),
    "cancel": frozenset({"waiting", "running", "asking"}),
}
"""States in which a word still changes something."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint is kept right, and how its updates stand.

    Args:
        endpoint: whose.
        train: the function.
        every: from slot to slot, as `1d`; empty with `cron` or without a schedule.
        cron: its slots.
        when: what else makes an update due, as the settings say it.
        release: the strategy; empty where versions are only registered.
        approve: `auto`, or whose word releases wait for.
        next_us: when the schedule is due next, microseconds since 1970.
        due_us: when what waits becomes an update; None if nothing waits.
        waiting: causes of the next one.
        update: that is under way.
        last: that ended last.
        idle: in a row that changed nothing.
    """

    endpoint: str
    train: str
    every: str
    cron: str
    when: tuple[str, ...]
    release: str
    approve: str
    next_us: int | None
    due_us: int | None
    waiting: tuple[Cause, ...]
    update: Update | None
    last: Update | None
    idle: int


class UpdateBook:
    """The updates of a platform.

    Args:
        store: of the records.
        clock: for what comes next.
        specs: that the settings name.
    """

    def __init__(self, store: Store, clock: Clock, specs: Sequence[UpdateSpec]) -> None:
        self._store = store
        self._clock = clock
        self._specs = {spec.endpoint: spec for spec in specs}

    def overviews(self) -> list[Overview]:
        """All endpoints that are updated, by name."""
        return [self.overview(endpoint) for endpoint in sorted(self._specs)]

    def overview(self, endpoint: str) -> Overview:
        """One of them.

        Raises:
            NotFoundError: it is not updated; names the nearest that is.
        """
        spec, stored = self._spec(endpoint), self._stored(endpoint)
        standing = None if stored is None else stored.value
        found = self.updates(endpoint)
        timing = spec.timing
        return Overview(
            endpoint=endpoint,
            train=spec.train,
            every=write_duration(timing.every_us / 1e6) if timing and timing.every_us else "",
            cron=timing.cron if timing else "",
            when=tuple(_written(spec)),
            release=spec.release,
            approve=spec.approve,
            next_us=next_slot(timing, self._clock.now_us()) if timing else None,
            due_us=None if standing is None else due_us(spec, standing),
            waiting=() if standing is None else standing.waiting,
            update=next((one for one in found if one.state != "ended"), None),
            last=next((one for one in found if one.state == "ended"), None),
            idle=0 if standing is None else standing.idle,
        )

    def updates(self, endpoint: str) -> list[Update]:
        """Those of an endpoint that are remembered, the newest first."""
        kept = self._store.scan(UPDATES, f"{endpoint}/")
        return [stored.value for stored in sorted(kept, key=lambda one: one.key, reverse=True)]

    def update(self, endpoint: str, update: str) -> Update:
        """One update.

        Raises:
            NotFoundError: there is none of this id.
        """
        return self._update(endpoint, update).value

    def asking(self, endpoint: str) -> str:
        """The version whose release waits for a person's word; empty if none does."""
        standing = self._stored(endpoint)
        if standing is None or not standing.value.update:
            return ""
        update = self.update(endpoint, standing.value.update)
        if update.state != "asking" or update.made is None:
            return ""
        return update.made.candidate

    def ask(self, endpoint: str, actor: str = "cli", reason: str = "") -> None:
        """Ask for an update now; the controller opens it.

        Args:
            endpoint: whose.
            actor: who asks, for the audit.
            reason: why.

        Raises:
            NotFoundError: it is not updated.
            ConflictError: an update is under way, or was asked for.
            ConfigError: the reason is too long.
        """
        _check_reason(reason)
        self._spec(endpoint)
        stored, now_us = self._stored(endpoint), self._clock.now_us()
        standing = Standing(endpoint=endpoint, taken_us=now_us) if stored is None else stored.value
        if standing.update or any(cause.kind == "asked" for cause in standing.waiting):
            raise ConflictError(
                f"An update of '{endpoint}' is under way, or was asked for.",
                hint=f"'fairlead updates show {endpoint}' shows how far it is.",
            )
        cause = Cause(kind="asked", time_us=now_us, name=actor, reason=reason)
        asked = replace(standing, waiting=(*standing.waiting, cause))
        key = UPDATING.key(endpoint)
        event = _event(key, actor, "update asked", reason, now_us)
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(Put(UPDATING, key, asked, expect), events=(event,))

    def tell(self, endpoint: str, update: str, word: Word, scopes: Collection[str]) -> Update:
        """Approve or decline an update's release, or cancel it; the controller's next tick obeys.

        Args:
            endpoint: whose.
            update: its id; empty for the one that is under way.
            word: that is said.
            scopes: of who says it.

        Raises:
            NotFoundError: there is no such update, or none is under way.
            ConflictError: it is too late for that, or another word was not heard yet.
            ForbiddenError: it waits for the word of another role.
            ConfigError: the reason is too long.
        """
        _check_reason(word.reason)
        spec, stored = self._spec(endpoint), self._meant(endpoint, update)
        found = stored.value
        if found.word is not None or found.state not in HEARD_IN[word.name]:
            raise ConflictError(
                f"The update {found.name} cannot be told to {word.name} now: it is {found.state}.",
                hint=f"'fairlead updates show {endpoint}' shows how far it is.",
            )
        if word.name == "approve" and spec.approve != "auto" and spec.approve not in scopes:
            raise ForbiddenError(
                f"The update {found.name} waits for somebody with the scope '{spec.approve}'."
            )
        told = replace(found, word=word)
        event = _event(
            stored.key, word.actor, f"update {word.name}", word.reason, self._clock.now_us()
        )
        self._store.commit(Put(UPDATES, stored.key, told, stored.revision), events=(event,))
        return told

    def _meant(self, endpoint: str, update: str) -> Stored[Update]:
        if update:
            return self._update(endpoint, update)
        stored = self._stored(endpoint)
        if stored is None or not stored.value.update:
            raise NotFoundError(
                f"No update of '{endpoint}' is under way.",
                hint=f"To ask for one: fairlead update {endpoint}.",
            )
        return self._update(endpoint, stored.value.update)

    def _update(self, endpoint: str, update: str) -> Stored[Update]:
        stored = self._store.get(UPDATES, UPDATES.key(endpoint, update))
        if stored is None:
            raise NotFoundError(
                f"The endpoint '{endpoint}' had no update of this id.",
                hint=f"'fairlead updates list {endpoint}' lists those there were.",
            )
        return stored

    def _stored(self, endpoint: str) -> Stored[Standing] | None:
        return self._store.get(UPDATING, UPDATING.key(endpoint))

    def _spec(self, endpoint: str) -> UpdateSpec:
        if endpoint in self._specs:
            return self._specs[endpoint]
        close = nearest(endpoint, self._specs)
        raise NotFoundError(
            f"The endpoint '{endpoint}' has no updates.",
            hint=f"Did you mean '{close}'?"
            if close
            else "Write a table [endpoint.NAME.update] in fairlead.toml.",
        )


def _written(spec: UpdateSpec) -> list[str]:
    words = {"labels": "labels >= {0.count}", "alert": "alert {0.name}"}
    return [words.get(one.kind, one.kind).format(one) for one in spec.when]


def _event(key: str, actor: str, action: str, reason: str, now_us: int) -> Event:
    return Event(
        time_us=now_us, actor=actor, action=action, subject=key,
        detail={"reason": reason} if reason else {},
    )  # fmt: skip


def _check_reason(reason: str) -> None:
    if len(reason) > REASON_LENGTH_MAX:
        raise ConfigError(f"A reason has at most {REASON_LENGTH_MAX} characters.")
