"""What alerts are made of: signals and rules in, alerts, silences and notifications out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import msgspec

from fairlead.records import Kind

Severity = Literal["page", "ticket", "digest"]
SEVERITIES: tuple[Severity, ...] = ("page", "ticket", "digest")
"""Worst first."""

State = Literal["pending", "firing", "resolved"]
Evidence = dict[str, str | int | float | bool | None]


class Burn(msgspec.Struct, frozen=True):
    """How many events of a stretch of time were good.

    Args:
        window_s: length of the stretch, in seconds, up to the signal's time.
        good: events that kept the objective.
        total: all events.
    """

    window_s: float
    good: int
    total: int


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What monitoring says about one thing at one time.

    Args:
        endpoint: it is about.
        name: of what was measured: `error_rate`, `missing`, `drift`, `accuracy`.
        subject: the field, segment or version it is about; empty for the whole endpoint.
        version: that answered, if it is known to be one.
        time_us: up to when it was measured, microseconds since 1970.
        valid_s: for how long after that it speaks for the present, in seconds.
        value: what was measured; None if there was nothing to measure.
        low: lower end of its interval.
        high: upper end of its interval.
        burn: counts over several stretches, for rules on an objective.
        proven: whether an anytime-valid detector has proven harm; None while it cannot tell.
        cause: what is behind it, e.g. the upstream field or step; its subject or name if empty.
        look_at: what to look at next, in words.
        evidence: further numbers to show.
    """

    endpoint: str
    name: str
    time_us: int
    subject: str = ""
    version: str = ""
    valid_s: float = 900.0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    burn: tuple[Burn, ...] = ()
    proven: bool | None = None
    cause: str = ""
    look_at: str = ""
    evidence: Evidence = {}


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a budget of bad events may be used up.

    Args:
        factor: of the pace that just uses up the budget.
        long_s: stretch over which the pace must be exceeded, in seconds.
        short_s: stretch over which it must still be exceeded, in seconds.
    """

    factor: float
    long_s: float
    short_s: float


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """What share of events must be good, and which paces of missing that are an alert.

    Args:
        target: the share, e.g. 0.999.
        paces: of which each alone is reason enough.
    """

    target: float
    paces: tuple[Pace, ...]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to alert: on a limit (`above`, `below`), on an objective, or on proof if neither is set.

    Args:
        endpoint: it watches.
        name: of the rule.
        metric: name of the signals it reads.
        above: more than this is an alert.
        below: less than this is an alert.
        proven: whether the whole interval must be beyond the limit.
        objective: instead of a limit.
        for_s: how long it must hold before it fires, in seconds.
        keep_for_s: how long all must be well before it resolves, in seconds.
        severity: whom it calls.
        subject: of the signals; `*` and `?` as in names of files.
        look_at: what to look at next, in words.
    """

    endpoint: str
    name: str
    metric: str
    above: float | None = None
    below: float | None = None
    proven: bool = False
    objective: Objective | None = None
    for_s: float = 0.0
    keep_for_s: float = 600.0
    severity: Severity = "ticket"
    subject: str = "*"
    look_at: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an alert's state: when, why and on what evidence.

    Args:
        state: after it.
        time_us: of the signal that led to it, or of the look that found no signal.
        reason: in words.
        evidence: its numbers.
    """

    state: State
    time_us: int
    reason: str
    evidence: Evidence


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is on it.

    Args:
        by: who.
        time_us: since when, microseconds since 1970.
        note: what others should know.
    """

    by: str
    time_us: int
    note: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that holds, or held, for one subject.

    Args:
        endpoint: of the rule.
        rule: its name.
        metric: that the rule reads.
        subject: of the signals.
        version: that answered, if it is known to be one.
        cause: alerts of an endpoint with the same cause are told together.
        severity: of the rule.
        look_at: what to look at next, in words.
        since_us: time of the first signal that held, microseconds since 1970.
        steps: of this episode, in order; never empty.
        holds: what the newest signals say.
        turn_us: time of the first signal of those in a row that say so.
        silent_us: when it was found that no signal comes any more; None while they come.
        told: the state that was last handed to the channels; empty before the first.
        acknowledged: who is on it, in this episode; None while nobody said so.
    """

    endpoint: str
    rule: str
    metric: str
    subject: str
    version: str
    cause: str
    severity: Severity
    look_at: str
    since_us: int
    steps: tuple[Step, ...]
    holds: bool
    turn_us: int
    silent_us: int | None = None
    told: Literal["", "firing", "resolved"] = ""
    acknowledged: Acknowledged | None = None

    @property
    def state(self) -> State:
        """Where it is now."""
        return self.steps[-1].state

    @property
    def key(self) -> str:
        """Of its record: one per rule and subject, whatever the episode."""
        return ALERTS.key(self.endpoint, self.rule, quote(self.subject, safe=""))

    @property
    def name(self) -> str:
        """As people write it: `churn/missing/age`."""
        return "/".join(filter(None, (self.endpoint, self.rule, self.subject)))


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """No word of some alerts until a moment. They go through their states all the same.

    Args:
        id: of the silence.
        endpoint: whose alerts.
        rule: of the rules; `*` and `?` as in names of files.
        subject: of the subjects, likewise.
        until_us: when it ends, microseconds since 1970.
        created_us: when it was made.
        actor: who made it.
        reason: why.
    """

    id: str
    endpoint: str
    until_us: int
    created_us: int
    actor: str
    rule: str = "*"
    subject: str = "*"
    reason: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of the alerts of one endpoint that share a cause, or of something that ended.

    Args:
        endpoint: they are of.
        cause: that they share.
        severity: the worst of those that changed.
        title: one line.
        text: what, where, since when, the evidence, and what to look at next.
        alerts: those that changed first, then those that still fire for the same cause.
        event: what it is about, for programs.
        detail: its numbers, of what is no alert.
    """

    endpoint: str
    cause: str
    severity: Severity
    title: str
    text: str
    alerts: tuple[Alert, ...]
    event: str = "alerts"
    detail: Evidence = {}


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way through one channel.

    Args:
        id: the same at every attempt, so that receivers can tell a repetition.
        channel: its name.
        message: to deliver.
        created_us: when it was handed over, microseconds since 1970.
        next_us: when the next attempt is due.
        attempts: that were begun.
        state: `dead` after the last attempt has failed. Of what was delivered the audit tells.
        problem: why the last attempt failed.
    """

    id: str
    channel: str
    message: Message
    created_us: int
    next_us: int
    attempts: int = 0
    state: Literal["waiting", "dead"] = "waiting"
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the alerts of one rule.

    Args:
        changed: alerts as they shall be, where that differs from what they were.
        dropped: alerts that never fired and no longer hold.
    """

    changed: tuple[Alert, ...]
    dropped: tuple[Alert, ...]


ALERTS = Kind("alert", Alert)
SILENCES = Kind("silence", Silence)
NOTIFICATIONS = Kind("notification", Notification)
