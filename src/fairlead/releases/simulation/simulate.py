"""A plan carried out thousands of times on a virtual clock, before it is carried out once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.releases.decide import REQUESTS_MIN, decide
from fairlead.releases.judge import alpha_of
from fairlead.releases.simulation.screen import Flags, Screen
from fairlead.releases.simulation.traffic import NO_FAULT, Fault, Traffic
from fairlead.releases.simulation.world import OURS, Real, Whole, World
from fairlead.releases.types import OPEN, Evidence, Order, Plan, Release, State, WorkerView
from fairlead.releases.weigh import QUANTILES
from fairlead.routing import SLOTS, Arm, Route, VersionRef
from fairlead.signature import Signature
from fairlead.stats import Estimate, wilson

LOOK_US = 60_000_000
LOOKS = 200
"""A look is a minute, as the log is so late, or this part of the time that is gone."""

_READY = (WorkerView(0, 2**31, "ready"),)
_OLD, _NEW = (VersionRef(f"model:{number}", "", "") for number in (1, 2))
_SIGNATURE = Signature(inputs=(), outputs=())


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many releases by one plan ended.

    Args:
        states: of each release; `asking` where it proved nothing in the longest time.
        broken: of each release, the first guard that took it back, or nothing.
        took_s: of each, from its beginning to its end in seconds.
        requests: of each, how many the candidate was asked until then.
        units: of each, how many units, about, it answered until then.
    """

    states: tuple[State, ...]
    broken: tuple[str, ...]
    took_s: Real
    requests: Whole
    units: Real

    def share(self, state: State) -> Estimate:
        """How many of the releases ended so, 0 to 1, with Wilson's interval."""
        return wilson(self.states.count(state), len(self.states))

    def of(self, state: State) -> Flags:
        """Which releases ended so, shape (runs,)."""
        return np.array([one == state for one in self.states])


def simulate(
    plan: Plan, traffic: Traffic, fault: Fault = NO_FAULT, *, runs: int = 1000, seed: int = 0
) -> Outcome:
    """Carry out a plan many times, over traffic that is drawn anew each time.

    Each release is decided by `decide`, on the evidence that it would have: what happened up to
    the look before. Workers are always ready, whoever is asked to approve does so at once, and
    each release begins at an hour of the day that is drawn. Looks that can change nothing are
    passed over. What a shadow would answer is not known: the plan begins after its steps, see
    `without_shadow`.

    Args:
        plan: to carry out.
        traffic: that the endpoint sees.
        fault: of the candidate.
        runs: how many releases, at least one.
        seed: of what is drawn: the same seed gives the same outcome.

    Raises:
        ConfigError: there are no runs, the fault multiplies what never fails, the plan only lets
            the candidate be a shadow, or it goes by what comes later, which is not drawn.

    Example:
        >>> from fairlead.releases import PlanSettings, plan_of
        >>> from fairlead.releases.simulation.traffic import make_traffic, read_fault
        >>> plan = plan_of(PlanSettings(guard={"failures": "ratio <= 1.25"}))
        >>> fault = read_fault("error_rate=10x")
        >>> simulate(plan, make_traffic(), fault, runs=20).share("rolled back").value
        1.0
    """
    if runs < 1:
        raise ConfigError("No release is simulated.", hint="Ask for one run or more.")
    check(plan, traffic, fault)
    return _Simulation(without_shadow(plan), traffic, fault, runs, seed).outcome()


def check(plan: Plan, traffic: Traffic, fault: Fault) -> None:
    """See whether a plan can be simulated.

    Raises:
        ConfigError: it cannot, as `simulate` says.
    """
    without_shadow(plan)
    if not traffic.failing and fault.failing is None and fault.failing_factor != 1.0:
        raise ConfigError(
            f"Nothing fails in this traffic, and nothing is {fault.failing_factor:g} times that.",
            hint="Say how many of 100 requests fail: 'error_rate=1%'.",
        )
    later = [guard.name for guard in plan.guards if guard.metric is not None]
    if plan.goal is not None or later:
        what = f"the guard '{later[0]}'" if later else "the goal of an experiment"
        raise ConfigError(
            f"Labels and business values are not simulated, so that {what} cannot be.",
            hint="Simulate the plan without it; 'fairlead experiment --plan' tells how long one "
            "takes.",
        )


def without_shadow(plan: Plan) -> Plan:
    """The rest of a plan, after the candidate was a shadow and nothing was found against it.

    Its guards have the same chance of error as before.

    Raises:
        ConfigError: nothing is left of it.
    """
    if plan.strategy == "shadow":
        raise ConfigError(
            "A shadow answers nobody: there is nothing to simulate.",
            hint="Simulate the plan of a canary, which may begin with a shadow.",
        )
    guards = tuple(guard for guard in plan.guards if guard.kind != "value")
    rest = replace(
        plan,
        steps=tuple(step for step in plan.steps if step.kind != "shadow"),
        guards=guards,
        prove=tuple(guard.name for guard in guards if guard.name in plan.prove),
    )
    return replace(rest, alpha=rest.alpha * alpha_of(plan) / alpha_of(rest))


class _Simulation:
    """Releases that go on side by side, look by look."""

    def __init__(self, plan: Plan, traffic: Traffic, fault: Fault, runs: int, seed: int) -> None:
        self._plan = plan
        self._world = World(plan, traffic, fault, np.random.default_rng(seed))
        self._counts, self._start_h = self._world.before(runs)
        self._screen = Screen(plan, self._world, self._counts)
        release, route = _follow(*_begin(plan), Evidence(), 0)
        self._releases, self._routes = [release] * runs, [route] * runs
        self._place: Whole = np.zeros(runs, np.int64)
        self._since_us, self._hold_us, self._until_us, self._asked = (
            np.zeros(runs, np.int64) for _ in range(4)
        )
        self._ended_us: Whole = np.zeros(runs, np.int64)
        for run in range(runs):
            self._note(run)

    def outcome(self) -> Outcome:
        """Go on until all have ended."""
        now_us = before_us = 0
        live = np.flatnonzero([one.state in OPEN for one in self._releases])
        while live.size:
            now_us, before_us = now_us + max(LOOK_US, now_us // LOOKS), now_us
            hour = self._start_h[live] + before_us / 3.6e9
            fresh = self._world.draw(self._place[live], hour, now_us - before_us)
            goes_on = self._look(live, now_us)
            self._ended_us[live[~goes_on]] = now_us
            self._counts.add(live, fresh)
            asked = fresh.requests.any(axis=(1, 2))
            self._until_us[live[asked]] = now_us
            live = live[goes_on]
        return Outcome(
            states=tuple(one.state for one in self._releases),
            broken=tuple(_broken(one) for one in self._releases),
            took_s=self._ended_us / 1e6,
            requests=self._counts.requests[:, :, OURS].sum(axis=1),
            units=self._world.units(self._counts),
        )

    def _look(self, live: Whole, now_us: int) -> Flags:
        """Decide the releases that this look may change; whether each goes on."""
        counts, place = self._counts, self._place[live]
        broken = {
            guard.name: self._screen.broken(guard, counts, live, place)
            for guard in self._plan.guards
        }
        due = self._due(live, now_us)
        goes_on = np.ones(live.size, dtype=np.bool_)
        for at in np.flatnonzero(np.any([due, *broken.values()], axis=0)):
            run = int(live[at])
            named = {name for name, found in broken.items() if found[at]}
            told = named | (set(self._plan.prove) if due[at] else set())
            evidence = self._world.evidence(
                counts, run, int(self._until_us[run]),
                failures="failures" in told, latency=bool(told & QUANTILES.keys()),
            )  # fmt: skip
            release, route = _follow(self._releases[run], self._routes[run], evidence, now_us)
            self._releases[run], self._routes[run] = release, route
            self._note(run)
            goes_on[at] = release.state in OPEN and release.state != "asking"
        return goes_on

    def _due(self, live: Whole, now_us: int) -> Flags:
        """Whether the time of a step is over, and all is there that it takes to leave it."""
        held = now_us - self._since_us[live]
        seen = self._until_us[live] - self._since_us[live]
        last = self._place[live] == self._world.shares.size - 1
        asked = self._counts.requests[live, :-1, OURS].sum(axis=1) - self._asked[live]
        shown = (np.minimum(held, seen) >= self._hold_us[live]) & (asked >= REQUESTS_MIN)
        for guard in self._plan.guards:
            if guard.name in self._plan.prove:
                some = np.flatnonzero(shown & ~last)
                shown[some] = self._screen.kept(guard, self._counts, live[some])
        over = (held >= self._plan.longest_us) | shown
        return np.asarray(np.where(last, held >= self._hold_us[live], over))

    def _note(self, run: int) -> None:
        """What a release waits for now."""
        release = self._releases[run]
        steps = self._plan.steps[: release.step + 1]
        self._place[run] = max(0, sum(step.kind == "share" for step in steps) - 1)
        self._since_us[run], self._asked[run] = release.step_us, release.step_requests
        baking = release.state == "baking"
        self._hold_us[run] = self._plan.bake_us if baking else steps[-1].hold_us


def _begin(plan: Plan) -> tuple[Release, Route]:
    route = Route("endpoint", 1, _SIGNATURE, (Arm("stable", _OLD, "stable", ((0, SLOTS),)),))
    release = Release(
        id="simulated", endpoint="endpoint", version=_NEW, signature=_SIGNATURE,
        actor="simulation", created_us=0, changed_us=0, plan=plan,
    )  # fmt: skip
    return release, route


def _follow(
    release: Release, route: Route, evidence: Evidence, now_us: int
) -> tuple[Release, Route]:
    """Decide as often as something changes at this look; who is to approve does so."""
    while release.state in OPEN:
        decision = decide(release, route, _READY, evidence, now_us)
        if decision is None:
            break
        release, route = decision.release, decision.route or route
        if release.state in ("holding", "baking"):
            break
        step = release.plan.steps[release.step]
        if release.state == "asking" and step.kind == "approve":
            release = replace(release, order=Order("approve", step.who or "simulation"))
    return release, route


def _broken(release: Release) -> str:
    if release.state != "rolled back":
        return ""
    return next(one.guard.name for one in release.judged if one.verdict.finding == "worse")
