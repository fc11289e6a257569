"""How every endpoint is doing, worst first."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.monitoring.operations import Pace
from fairlead.releases.types import State
from fairlead.stats import Estimate

Level = Literal["trouble", "ask", "look", "idle", "well"]
LEVELS: tuple[Level, ...] = ("trouble", "ask", "look", "idle", "well")
"""Worst first: something is wrong, a person is asked for something, something is worth a look,
nobody asks it, all is well."""


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """A version that answers.

    Args:
        version: its name.
        role: of its arm.
        share: of the requests, 0 to 1; of a shadow, of those that it sees.
    """

    version: str
    role: str
    share: float


class Operations(msgspec.Struct, frozen=True, kw_only=True):
    """How requests came and fared.

    Args:
        rate: requests a second, over the last minute or two; None while that is not known.
        error_ratio: share of them that failed.
        p99_s: time within which 99 of 100 were answered in the last minutes, with its interval.
        paces: of the last hour, minute by minute.
    """

    rate: float | None = None
    error_ratio: float | None = None
    p99_s: Estimate | None = None
    paces: tuple[Pace, ...] = ()


class DataHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What the last window of rows said.

    Args:
        end_us: of the window, microseconds since 1970.
        rows: of it.
        fields: that are watched.
        drifting: fields that have moved and not come back.
        broken: fields whose values are unsound.
    """

    end_us: int
    rows: int
    fields: int
    drifting: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers are.

    Args:
        metric: its name.
        estimated: without labels, of the last window that has such an estimate.
        realised: by labels, of the last window that has any.
        labelled_ratio: share of the rows of late that have a label; None without rows.
    """

    metric: str
    estimated: Estimate | None = None
    realised: Estimate | None = None
    labelled_ratio: float | None = None


class Underway(msgspec.Struct, frozen=True, kw_only=True):
    """A release that has not ended.

    Args:
        id: of the release.
        version: that shall answer.
        strategy: by which.
        state: how far it is.
        step: at which of the plan's steps, from 1.
        steps: of the plan.
        share: of the requests that the version gets.
        paused: whether it was told to wait.
        reason: why it is where it is.
    """

    id: str
    version: str
    strategy: str
    state: State
    step: int
    steps: int
    share: float
    paused: bool
    reason: str


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint needs of a person.

    Args:
        level: how urgent.
        what: in a few words.
        why: how that is known: the numbers; empty where there is nothing to say.
        next: what to do or look at; empty if nothing.
        about: what it is of: `alert`, `release`, `update`, `route`; empty if all is well.
    """

    level: Level
    what: str
    why: str = ""
    next: str = ""
    about: str = ""


class AlertLine(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in one line.

    Args:
        name: `churn/missing/age`.
        severity: whom it calls.
        state: pending or firing.
        holds: whether what it is about is still so; where it is over the alert ends by itself.
        phrase: what it is about, in a few words.
        reason: in words.
        look_at: what to look at next.
        since_us: microseconds since 1970.
        silenced: whether no word of it is sent.
    """

    name: str
    severity: str
    state: str
    holds: bool
    phrase: str
    reason: str
    look_at: str
    since_us: int
    silenced: bool = False


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """How one endpoint is doing.

    Args:
        endpoint: its name.
        answering: who answers it, shadows last.
        operations: how requests fare.
        health: of its rows; None before the first window.
        quality: of its answers; None before anything is known of it.
        alerts: that fire or are pending, the worst first.
        release: under way, if there is one.
        concern: what it needs of a person.
    """

    endpoint: str
    answering: tuple[Answering, ...]
    operations: Operations
    health: DataHealth | None
    quality: Quality | None
    alerts: tuple[AlertLine, ...]
    release: Underway | None
    concern: Concern


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How all of them are.

    Args:
        time_us: when it was looked at, microseconds since 1970.
        level: of the worst.
        headline: what needs attention and why, or that all is well.
        problems: of the platform itself, in words.
        endpoints: worst first, then by name.
    """

    time_us: int
    level: Level
    headline: str
    problems: tuple[str, ...]
    endpoints: tuple[EndpointState, ...]
