"""How one release stands: its plan, its evidence, what was said, and what it may be told."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.releases.enclose import Enclosed, MeasuredIn
from fairlead.releases.outcomes.interim import Experiment
from fairlead.releases.outcomes.metrics import Goal
from fairlead.releases.shadow.summary import Summary
from fairlead.releases.types import OrderName, Release, State, Strategy
from fairlead.stats import Finding

StepStanding = Literal["done", "present", "ended here", "to come", "not reached"]


class StepLine(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the plan.

    Args:
        kind: as of a plan's step; `bake` is the time at the end in which the way back stays warm.
        share: of the requests that the candidate gets, or as a shadow sees, 0 to 1.
        hold_us: for how long at least.
        who: has to approve; empty for whoever may operate.
        standing: where the release is.
        begun_us: when it began, microseconds since 1970; None if it has not.
        ended_us: when it was left; None if it was not.
    """

    kind: Literal["share", "shadow", "approve", "bake"]
    share: float = 0.0
    hold_us: int = 0
    who: str = ""
    standing: StepStanding = "to come"
    begun_us: int | None = None
    ended_us: int | None = None


class GuardLine(msgspec.Struct, frozen=True, kw_only=True):
    """How one guard stands.

    Args:
        name: of it.
        allows: what is neither too much nor too little, in words.
        bound: of the ratio, of the difference, or of the value itself.
        kind: which of these is bounded.
        at_least: whether less than the bound is too little; else more is too much.
        measured_in: what the values of both sides are.
        found: these values, and what is bounded, with its ends.
        finding: what is proven.
        needed: about how many more requests or units of the candidate until something is.
        awaited: whether the plan waits for proof of it.
        seen: what it was told from, by name.
    """

    name: str
    allows: str
    bound: float
    kind: Literal["ratio", "difference", "value"]
    at_least: bool
    measured_in: MeasuredIn
    found: Enclosed
    finding: Finding
    needed: float | None
    awaited: bool
    seen: dict[str, float]


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what happened.

    Args:
        time_us: microseconds since 1970.
        actor: whose doing it was; `controller` for what the release did by itself.
        did: what: a state, or an order.
        ordered: whether it is the word of a person.
        reason: in words.
    """

    time_us: int
    actor: str
    did: str
    ordered: bool
    reason: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the release may be told now.

    Args:
        order: which makes sense in its state.
        refused: why it would be refused of who asks; empty if it would not.
        hint: what to do then.
        reasoned: whether it takes a reason.
    """

    order: OrderName
    refused: str = ""
    hint: str = ""
    reasoned: bool = False


class ReleaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """A release in one line.

    Args:
        id: of it; rises with time.
        version: that shall answer.
        strategy: by which.
        state: how far it is.
        paused: whether it was told to wait.
        actor: who asked.
        created_us: when, microseconds since 1970.
        changed_us: of the last change of state.
        reason: why it is in this state.
    """

    id: str
    version: str
    strategy: Strategy
    state: State
    paused: bool
    actor: str
    created_us: int
    changed_us: int
    reason: str


class ReleaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one release stands.

    Args:
        endpoint: that is moved.
        line: what, by whom, in which state.
        time_us: when it was looked at, microseconds since 1970.
        before: the version that answered before it; empty if none did.
        is_open: whether it has not ended.
        share: of the requests that the candidate answers at this step, 0 to 1.
        told: an order that it has not obeyed yet; empty if there is none.
        decided_by: `human:QUEUE` where a person decides; else empty.
        steps: of the plan, in order.
        longest_us: after which a step that proves nothing asks a person.
        guards: how they stand.
        looks: how many are kept of their course.
        words: what happened, newest first.
        offers: what it may be told.
        goal: of an experiment.
        experiment: what it has found.
        power: chance that a look at the units so far proves the goal's least difference.
        comparison: of a shadow with what callers were given.
    """

    endpoint: str
    line: ReleaseLine
    time_us: int
    before: str
    is_open: bool
    share: float
    told: str
    decided_by: str
    steps: tuple[StepLine, ...]
    longest_us: int
    guards: tuple[GuardLine, ...]
    looks: int
    words: tuple[Word, ...]
    offers: tuple[Offer, ...]
    goal: Goal | None = None
    experiment: Experiment | None = None
    power: float | None = None
    comparison: Summary | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A page of an endpoint's releases.

    Args:
        lines: of the page, the newest first.
        page: which it is; 1 is the newest.
        pages: how many there are; 1 or more.
        under_way: id of the release that has not ended; empty if there is none.
    """

    lines: tuple[ReleaseLine, ...]
    page: int
    pages: int
    under_way: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a release would do, before it is asked for.

    Args:
        version: that would answer.
        strategy: by which.
        note: where the plan comes from and how long it takes, in words.
        steps: of it.
        guards: what each allows, in words, by name.
        prove: guards that must be proven kept before more traffic is let in.
        goal: of an experiment.
    """

    version: str
    strategy: Strategy
    note: str
    steps: tuple[StepLine, ...]
    guards: dict[str, str]
    prove: tuple[str, ...]
    goal: Goal | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A version that could be released to an endpoint.

    Args:
        version: its name.
        refused: why it cannot be; empty if it can.
    """

    version: str
    refused: str = ""


def line_of(release: Release) -> ReleaseLine:
    """A release in one line."""
    return ReleaseLine(
        id=release.id,
        version=release.version.name,
        strategy=release.plan.strategy,
        state=release.state,
        paused=release.paused,
        actor=release.actor,
        created_us=release.created_us,
        changed_us=release.changed_us,
        reason=release.reason,
    )
