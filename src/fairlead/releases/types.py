"""A release: the process that moves an endpoint to another version; its plan and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from fairlead.records import Kind
from fairlead.releases.outcomes.metrics import Goal, Metric, Outcomes
from fairlead.releases.outcomes.standing import Standing
from fairlead.releases.shadow.comparison import Comparison
from fairlead.routing import SLOTS, Route, VersionRef
from fairlead.signature import Signature
from fairlead.stats import Failures, Verdict

Strategy = Literal["canary", "blue-green", "shadow", "ab", "now"]
GuardName = Literal["failures", "latency_p95", "latency_p99", "disagreement", "difference"]
State = Literal[
    "requested", "preparing", "switching", "holding", "asking", "baking",
    "done", "rolled back", "aborted", "failed",
]  # fmt: skip
OrderName = Literal["approve", "pause", "resume", "promote", "abort", "rollback"]

OPEN: frozenset[State] = frozenset(
    {"requested", "preparing", "switching", "holding", "asking", "baking"}
)

MOVING: frozenset[State] = frozenset({"requested", "preparing", "switching"})
"""States that last for moments: until every worker is ready for what comes next."""


class Step(msgspec.Struct, frozen=True):
    """One step of a plan.

    Args:
        kind: `share` gives the candidate so much of the traffic, `shadow` lets it see so much and
            answer nobody, `approve` waits for a person.
        slots: of 10,000, the candidate's share.
        hold_us: for how long at least.
        who: has to approve: the name of a key or of a user; empty for whoever may operate.
    """

    kind: Literal["share", "shadow", "approve"]
    slots: int = 0
    hold_us: int = 0
    who: str = ""


class Guard(msgspec.Struct, frozen=True):
    """What must not get worse.

    Args:
        name: `failures` are units with at least one failing request; `latency_p95` is the time
            in queue and model that 95 of 100 requests keep to, where it is more than 5 ms; to
            prove anything of `latency_p99` takes five times as many requests. Of a shadow,
            `disagreement` is the share of rows whose labels differ from those given, `difference`
            the mean absolute difference of numbers. Else a metric of what came later, as it is
            written.
        bound: of the ratio to the stable arm, of the difference from it, or of the value itself.
        at_least: whether less than the bound is too little; else more is too much.
        kind: what is bounded.
        metric: that is guarded; None for all that have a name of their own.
    """

    name: str
    bound: float
    at_least: bool = False
    kind: Literal["ratio", "difference", "value"] = "ratio"
    metric: Metric | None = None

    @property
    def allows(self) -> str:
        """What is neither too much nor too little, in words."""
        if self.kind == "value":
            return f"at most {self.bound:g}"
        if self.kind == "ratio":
            side = "at least" if self.at_least else "at most"
            return f"{side} {self.bound:g} times the stable version's"
        side = "below" if self.at_least else "above"
        return f"at most {abs(self.bound):g} {side} the stable version's"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a release goes on.

    Args:
        strategy: its name.
        steps: in order; the last one gives the candidate all traffic.
        guards: proven broken, they roll back.
        prove: guards that must be proven kept before a step is left.
        bake_us: for how long the old version stays warm at the end, and guards are looked at.
        longest_us: after which a step that proves nothing asks a person.
        rows_min: that a shadow's step compares at least.
        slices: input fields by whose values a shadow is compared, too.
        decided_by: `human:QUEUE` where a person decides what a shadow is compared with; empty
            where a version does.
        alpha: chance of rolling a good version back, over all guards and looks.
        goal: of an experiment; None for all others.
    """

    strategy: Strategy = "now"
    steps: tuple[Step, ...] = (Step("share", SLOTS),)
    guards: tuple[Guard, ...] = ()
    prove: tuple[str, ...] = ()
    bake_us: int = 0
    longest_us: int = 7 * 86_400_000_000
    rows_min: int = 500
    slices: tuple[str, ...] = ()
    decided_by: str = ""
    alpha: float = 0.05
    goal: Goal | None = None

    @property
    def is_compared(self) -> bool:
        """Whether the candidate is a shadow at some step."""
        return any(step.kind == "shadow" for step in self.steps)

    @property
    def is_moving(self) -> bool:
        """Whether the candidate answers callers at some step."""
        return any(step.kind == "share" for step in self.steps)


NOW = Plan()
"""At once, once every worker is ready."""


class Order(msgspec.Struct, frozen=True):
    """What a person told a release to do; the controller's next look obeys.

    Args:
        name: what.
        actor: who: the name of their key, or of their user at the command line.
        reason: why, in their words.
    """

    name: OrderName
    actor: str
    reason: str = ""


class Judged(msgspec.Struct, frozen=True):
    """How one guard stands.

    Args:
        guard: which.
        verdict: what is proven of it; what is needed is in requests to the candidate.
        seen: what it was told from, by name.
    """

    guard: Guard
    verdict: Verdict
    seen: dict[str, float] = {}


class Tally(msgspec.Struct, frozen=True):
    """Requests, and how many of them were the first failure of their unit.

    Args:
        requests: all.
        failed: at most as many.
    """

    requests: int = 0
    failed: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a release has seen of both sides, folded from the log; a unit's first failure counts.

    Args:
        candidate: requests to the candidate while the stable version answered beside it.
        control: requests to the stable version in that time.
        failures: units that failed in that time, by the candidate's share.
        past: what the stable version answered in the hour before the release.
        alone: what the candidate answered since nothing else does.
        until_us: the time of its newest row, microseconds since 1970.
        latency: by name of the arm, requests by bucket of their time in queue and model.
        compared: what it answered as a shadow, beside what callers were given.
        outcomes: what came later for predictions of both.
    """

    candidate: int = 0
    control: int = 0
    failures: Failures = Failures()
    past: Tally = Tally()
    alone: Tally = Tally()
    until_us: int = 0
    latency: dict[str, dict[int, int]] = {}
    compared: Comparison = Comparison()
    outcomes: Outcomes = Outcomes()


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One request to let a version answer an endpoint, and what came of it.

    Args:
        id: rises with time.
        endpoint: that is moved.
        version: that shall answer.
        signature: the version's.
        actor: who asked.
        created_us: when, microseconds since 1970.
        changed_us: of the last change of state.
        state: how far it is.
        revision: of the route that put it in force; 0 before.
        reason: why it is in this state, in words.
        plan: how it goes on.
        step: number of the plan's step that it is at.
        step_us: since when.
        step_requests: what the candidate had answered by then, or had been compared on.
        paused: whether it stays where it is, though guards still roll it back.
        order: of a person, not obeyed yet.
        judged: how its guards stood at the last change.
        looked: how its experiment stood at the look by which it was decided; None before.
        before: what answered before it.
        shares: of 10,000 slots, the candidate's, by revision of the route.
    """

    id: str
    endpoint: str
    version: VersionRef
    signature: Signature
    actor: str
    created_us: int
    changed_us: int
    state: State = "requested"
    revision: int = 0
    reason: str = ""
    plan: Plan = Plan()
    step: int = 0
    step_us: int = 0
    step_requests: int = 0
    paused: bool = False
    order: Order | None = None
    judged: tuple[Judged, ...] = ()
    looked: Standing | None = None
    before: Route | None = None
    shares: dict[int, int] = {}

    @property
    def share(self) -> float:
        """The candidate's share of the traffic at this step, 0 to 1."""
        steps = self.plan.steps[: self.step + 1]
        return max((step.slots for step in steps if step.kind == "share"), default=0) / SLOTS


RELEASES = Kind("release", Release)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """What one living worker has of a release's endpoint and version.

    Args:
        worker: its place.
        revision: of the endpoint's route that it has in force; 0 for none.
        version: `absent`, `loading`, `ready`, or `failed: ` and why.
    """

    worker: int
    revision: int
    version: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to commit, and why.

    Args:
        release: as it shall be.
        route: to commit with it; None to leave the route alone.
    """

    release: Release
    route: Route | None
