"""Which alerts are worth a word now, to whom, and which of them in one message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from msgspec.structs import replace

from fairlead.alerts.compose import compose
from fairlead.alerts.types import Alert, Message, Severity, Silence

ALERTS_MAX = 50
"""Of one message; what is more goes into further ones."""

DIGEST = "the day"
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told.

    Args:
        alerts: as they are once it is on its way, where that differs.
        messages: each with the channel that it goes to.
    """

    alerts: tuple[Alert, ...]
    messages: tuple[tuple[str, Message], ...]


def tell(
    alerts: Iterable[Alert],
    silences: Iterable[Silence],
    channels: Mapping[str, Iterable[Severity]],
    now_us: int,
    digest_hour: int,
) -> Telling:
    """Decide what is told of the alerts of one endpoint.

    An alert is told when it fires and when it is resolved. Those that share a cause share a
    message, which also names what goes on firing for the same cause. What is silenced waits; if
    it is resolved by then, no word is said of it. Of severity `digest` one message a day is made.

    Args:
        alerts: all of the endpoint.
        silences: in force.
        channels: the severities that each takes.
        now_us: microseconds since 1970.
        digest_hour: at which the digest of a day is told, in UTC.
    """
    alerts, silences = list(alerts), list(silences)
    told: list[Alert] = []
    due: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.state == "pending" or alert.told == alert.state:
            continue
        if alert.told == "" and any(covers(silence, alert) for silence in silences):
            told += [_told(alert)] * (alert.state == "resolved")
        elif alert.severity == "digest":
            if _day(_untold_us(alert), digest_hour) < _day(now_us, digest_hour):
                due[""].append(alert)
        else:
            due[alert.cause].append(alert)
    messages: list[tuple[str, Message]] = []
    for cause, changed in sorted(due.items()):
        others = _others(cause, alerts)
        told += [_told(alert) for alert in changed]
        messages += _to_channels(cause or DIGEST, changed, others, channels)
    return Telling(tuple(told), tuple(messages))


def covers(silence: Silence, alert: Alert) -> bool:
    """Whether an alert is one that a silence is about."""
    return (
        silence.endpoint == alert.endpoint
        and fnmatchcase(alert.rule, silence.rule)
        and fnmatchcase(alert.subject, silence.subject)
    )


def _told(alert: Alert) -> Alert:
    assert alert.state != "pending"
    return replace(alert, told=alert.state)


def _untold_us(alert: Alert) -> int:
    """When the first thing happened that was not told yet."""
    states = ("firing", "resolved") if alert.told == "" else ("resolved",)
    return next(step.time_us for step in alert.steps if step.state in states)


def _day(time_us: int, hour: int) -> int:
    return (time_us - hour * HOUR_US) // DAY_US


def _others(cause: str, alerts: Iterable[Alert]) -> list[Alert]:
    """What goes on firing for the same cause, and was told before."""
    return [a for a in alerts if a.cause == cause and a.state == a.told == "firing"]


def _to_channels(
    cause: str,
    changed: Sequence[Alert],
    others: Sequence[Alert],
    channels: Mapping[str, Iterable[Severity]],
) -> list[tuple[str, Message]]:
    severities = {alert.severity for alert in changed}
    parts = [changed[at : at + ALERTS_MAX] for at in range(0, len(changed), ALERTS_MAX)]
    made = [compose(cause, part, others[: ALERTS_MAX - len(part)]) for part in parts]
    return [
        (name, message)
        for name, taken in sorted(channels.items())
        if severities & set(taken)
        for message in made
    ]
