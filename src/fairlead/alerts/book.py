"""What people do with alerts: look at them, say that they are on it, silence them for a while."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.alerts.types import (
    ALERTS,
    NOTIFICATIONS,
    SEVERITIES,
    SILENCES,
    Acknowledged,
    Alert,
    Notification,
    Silence,
)
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.ids import IdSource
from fairlead.names import check_name
from fairlead.nearest import nearest
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored

SILENCE_S_MAX = 90 * 86_400.0
NOTE_LENGTH_MAX = 500
ATTEMPTS = 20
_STATES = ("firing", "pending", "resolved")


class AlertBook:
    """The alerts of a platform.

    Args:
        store: of the records.
        clock: for their times.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._ids = IdSource(clock)

    def alerts(self, endpoint: str = "") -> list[Alert]:
        """All alerts, of one endpoint or of all: what fires first, and the worst of it first."""
        found = [stored.value for stored in self._store.scan(ALERTS, _prefix(endpoint))]
        return sorted(found, key=_rank)

    def alert(self, name: str) -> Alert:
        """One alert, by its name.

        Args:
            name: `endpoint/rule` or `endpoint/rule/subject`.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        return self._stored(name).value

    def _stored(self, name: str) -> Stored[Alert]:
        known = {stored.value.name: stored for stored in self._store.scan(ALERTS)}
        if name in known:
            return known[name]
        close = nearest(name, known)
        raise NotFoundError(
            "There is no alert of this name.",
            hint=f"Did you mean '{close}'?" if close else "'fairlead alerts list' lists them.",
        )

    def acknowledge(self, name: str, note: str = "", actor: str = "cli") -> Alert:
        """Say that somebody is on it; whoever said so before is so no more.

        It goes on being told of, with who is on it, and ends with the alert.

        Args:
            name: `endpoint/rule` or `endpoint/rule/subject`.
            note: what others should know.
            actor: who is on it.

        Raises:
            NotFoundError: there is no such alert.
            ConflictError: it is resolved.
            ConfigError: the note is too long.
        """
        if len(note) > NOTE_LENGTH_MAX:
            raise ConfigError(f"A note has at most {NOTE_LENGTH_MAX} characters.")
        for _ in range(ATTEMPTS):
            stored = self._stored(name)
            if stored.value.state == "resolved":
                raise ConflictError("This alert is resolved: nobody needs to be on it.")
            now_us = self._clock.now_us()
            on_it = Acknowledged(by=actor, time_us=now_us, note=note)
            after = replace(stored.value, acknowledged=on_it)
            event = Event(
                time_us=now_us,
                actor=actor,
                action="alert acknowledged",
                subject=stored.key,
                detail={"note": note},
            )
            try:
                self._store.commit(Put(ALERTS, stored.key, after, stored.revision), events=(event,))
            except ConflictError:
                continue  # it went on at the same moment
            return after
        raise ConflictError("This alert changes too fast at this moment.", hint="Try again.")

    def silences(self, endpoint: str = "") -> list[Silence]:
        """Silences in force, oldest first."""
        now_us = self._clock.now_us()
        found = [stored.value for stored in self._store.scan(SILENCES)]
        return [s for s in found if s.until_us > now_us and endpoint in ("", s.endpoint)]

    def undelivered(self) -> list[Notification]:
        """Notifications that wait for their next attempt, and those that were given up."""
        return [stored.value for stored in self._store.scan(NOTIFICATIONS)]

    def silence(
        self,
        endpoint: str,
        for_s: float,
        *,
        rule: str = "*",
        subject: str = "*",
        reason: str = "",
        actor: str = "cli",
    ) -> Silence:
        """Say nothing of some alerts for a while.

        Args:
            endpoint: whose alerts.
            for_s: how long, in seconds.
            rule: of the rules; `*` and `?` as in names of files.
            subject: of the subjects, likewise.
            reason: why.
            actor: who wants it.

        Raises:
            ConfigError: it would never end, or is for no endpoint.
        """
        check_name(endpoint, "endpoint")
        if not 0 < for_s <= SILENCE_S_MAX:
            raise ConfigError("A silence lasts longer than nothing and at most 90 days.")
        now_us = self._clock.now_us()
        silence = Silence(
            id=self._ids.one(),
            endpoint=endpoint,
            until_us=now_us + round(for_s * 1e6),
            created_us=now_us,
            actor=actor,
            rule=rule,
            subject=subject,
            reason=reason,
        )
        key = SILENCES.key(silence.id)
        event = self._event("alerts silenced", silence, actor)
        self._store.commit(Put(SILENCES, key, silence, ABSENT), events=(event,))
        return silence

    def unsilence(self, silence_id: str, actor: str = "cli") -> Silence:
        """End a silence now.

        Raises:
            NotFoundError: there is none of this id.
        """
        stored = self._store.get(SILENCES, SILENCES.key(silence_id))
        if stored is None:
            raise NotFoundError(
                "There is no silence of this id.", hint="'fairlead alerts list' lists them."
            )
        event = self._event("alerts unsilenced", stored.value, actor)
        self._store.commit(Delete(stored.key, stored.revision), events=(event,))
        return stored.value

    def _event(self, action: str, silence: Silence, actor: str) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=SILENCES.key(silence.id),
            detail={
                "endpoint": silence.endpoint,
                "rule": silence.rule,
                "subject": silence.subject,
                "until_us": silence.until_us,
                "reason": silence.reason,
            },
        )


def _rank(alert: Alert) -> tuple[int, int, str]:
    return _STATES.index(alert.state), SEVERITIES.index(alert.severity), alert.key


def _prefix(endpoint: str) -> str:
    return f"{endpoint}/" if endpoint else ""
