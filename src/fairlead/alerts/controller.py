"""The shell: takes every alert as far as the signals allow, and hands over what is to be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fairlead.alerts.decide import decide, retire
from fairlead.alerts.tell import tell
from fairlead.alerts.types import (
    ALERTS,
    NOTIFICATIONS,
    SILENCES,
    Alert,
    Evidence,
    Message,
    Notification,
    Rule,
    Severity,
    Signal,
    Silence,
)
from fairlead.clock import Clock
from fairlead.ids import IdSource
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored

KEEP_US = 7 * 86_400_000_000
"""For which resolved alerts can still be looked at; the audit keeps them longer."""


class AlertController:
    """Decides what alerts there are.

    Args:
        store: of alerts, silences and notifications.
        clock: for the times of records.
        rules: of an endpoint.
        channels: the severities that each takes, by name.
        digest_hour: at which the digest of a day is told, in UTC.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: Callable[[str], Sequence[Rule]],
        channels: Mapping[str, Iterable[Severity]],
        digest_hour: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._channels = channels
        self._digest_hour = digest_hour
        self._ids = IdSource(clock)

    def tick(self, signals: Sequence[Signal]) -> None:
        """Look at the signals there are now; looking again changes nothing.

        What changes of one endpoint's alerts, what is told of it and what the audit says of it
        are one commit.
        """
        now_us = self._clock.now_us()
        stored: defaultdict[str, list[Stored[Alert]]] = defaultdict(list)
        for found in self._store.scan(ALERTS):
            stored[found.value.endpoint].append(found)
        heard: defaultdict[str, list[Signal]] = defaultdict(list)
        for signal in signals:
            heard[signal.endpoint].append(signal)
        silences = self._silences(now_us)
        for endpoint in sorted(stored.keys() | heard.keys()):
            self._look(endpoint, stored[endpoint], heard[endpoint], silences, now_us)

    def _silences(self, now_us: int) -> list[Silence]:
        """Those in force; the others are removed."""
        found = self._store.scan(SILENCES)
        over = [Delete(s.key, s.revision) for s in found if s.value.until_us <= now_us]
        if over:
            self._store.commit(*over)
        return [stored.value for stored in found if stored.value.until_us > now_us]

    def _look(
        self,
        endpoint: str,
        stored: Sequence[Stored[Alert]],
        signals: Sequence[Signal],
        silences: Sequence[Silence],
        now_us: int,
    ) -> None:
        before = {found.key: found for found in stored}
        after = self._decided(endpoint, [found.value for found in stored], signals, now_us)
        telling = tell(after.values(), silences, self._channels, now_us, self._digest_hour)
        after |= {alert.key: alert for alert in telling.alerts}
        changes: list[Put[Any] | Delete] = [*_changes(before, after)]
        changes += self._removed(before, after, now_us)
        changes += [self._hand_over(*each, now_us) for each in telling.messages]
        if changes:
            self._store.commit(*changes, events=_events(before, after, now_us))

    def _decided(
        self, endpoint: str, alerts: Sequence[Alert], signals: Sequence[Signal], now_us: int
    ) -> dict[str, Alert]:
        """The endpoint's alerts as they shall be, by key."""
        rules = self._rules(endpoint)
        names = {rule.name for rule in rules}
        of: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            of[alert.rule].append(alert)
        heard: defaultdict[str, list[Signal]] = defaultdict(list)
        for signal in signals:
            heard[signal.name].append(signal)
        after = {alert.key: alert for alert in alerts}
        for rule in rules:
            decision = decide(rule, of[rule.name], heard[rule.metric], now_us)
            after |= {alert.key: alert for alert in decision.changed}
            for alert in decision.dropped:
                del after[alert.key]
        for alert in alerts:
            if alert.rule not in names:
                retired = retire(alert, now_us)
                after.pop(alert.key)
                after |= {} if retired is None else {retired.key: retired}
        return after

    def _removed(
        self, before: Mapping[str, Stored[Alert]], after: dict[str, Alert], now_us: int
    ) -> list[Delete]:
        """Alerts that never fired, or were resolved long ago."""
        for key, alert in list(after.items()):
            old = alert.state == alert.told == "resolved"
            if old and now_us - alert.steps[-1].time_us > KEEP_US:
                del after[key]
        gone = before.keys() - after.keys()
        return [Delete(key, before[key].revision) for key in sorted(gone)]

    def _hand_over(self, channel: str, message: Message, now_us: int) -> Put[Notification]:
        notification = Notification(
            id=self._ids.one(),
            channel=channel,
            message=message,
            created_us=now_us,
            next_us=now_us,
        )
        key = NOTIFICATIONS.key(notification.id)
        return Put(NOTIFICATIONS, key, notification, ABSENT)


def _changes(before: Mapping[str, Stored[Alert]], after: Mapping[str, Alert]) -> list[Put[Alert]]:
    found = []
    for key, alert in after.items():
        held = before.get(key)
        if held is None or held.value != alert:
            found.append(Put(ALERTS, key, alert, ABSENT if held is None else held.revision))
    return found


def _events(
    before: Mapping[str, Stored[Alert]], after: Mapping[str, Alert], now_us: int
) -> list[Event]:
    """What the audit says: one line for each state that an alert has newly reached."""
    events = [
        _event(stored.value, "withdrawn", {"reason": "It held no longer."}, now_us)
        for key, stored in before.items()
        if key not in after and stored.value.state == "pending"
    ]
    for key, alert in after.items():
        known = before[key].value.steps if key in before else ()
        fresh = alert.steps[len(known) :] if alert.steps[: len(known)] == known else alert.steps
        events += [
            _event(alert, step.state, {**step.evidence, "reason": step.reason}, now_us)
            for step in fresh
        ]
    return events


def _event(alert: Alert, word: str, detail: Evidence, now_us: int) -> Event:
    about: Evidence = {"severity": alert.severity, "since_us": alert.since_us}
    return Event(
        time_us=now_us,
        actor="controller",
        action=f"alert {word}",
        subject=alert.key,
        detail={**detail, **about},
    )
