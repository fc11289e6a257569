"""How a release goes on, from what is known now: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from fairlead.releases.judge import judge
from fairlead.releases.outcomes.experiment import in_words, stand
from fairlead.releases.outcomes.metrics import Goal
from fairlead.releases.outcomes.standing import storable
from fairlead.releases.permit import refuse
from fairlead.releases.types import (
    Decision,
    Evidence,
    Judged,
    Order,
    Plan,
    Release,
    State,
    Step,
    WorkerView,
)
from fairlead.releases.weights import route_at, route_back, route_beside
from fairlead.routing import SLOTS, Route
from fairlead.signature import fits

PREPARE_US_MAX = 300_000_000
SWITCH_US_MAX = 60_000_000
REQUESTS_MIN = 10
"""To a candidate at each step: fewer show nothing."""
UNITS_MIN = 10
"""Of each arm of which something has come: fewer show nothing of an outcome."""

_REMEDY = " Package it such that it fits, or give it an endpoint of its own."


def decide(
    release: Release,
    route: Route | None,
    workers: Sequence[WorkerView],
    evidence: Evidence,
    now_us: int,
) -> Decision | None:
    """Decide the next step of an open release.

    A version is prepared first: every living worker loads, proves and warms it while the old one
    goes on answering. Then each step of the plan changes the route, in one commit, and is left
    when its time is over, no guard is proven broken and those are proven kept that the plan names.
    A guard that is proven broken rolls back, at any step. Silence proves nothing and promotes
    nothing. At the end what was replaced stays warm for the way back.

    Args:
        release: in a state of `OPEN`.
        route: the endpoint's, or None before its first release.
        workers: that are alive.
        evidence: what was seen of the candidate and of the rest.
        now_us: microseconds since 1970.

    Returns:
        What to commit, or None while there is nothing to do but wait.
    """
    if release.order is not None:
        return _obey(release, release.order, route, evidence, now_us)
    if release.state == "requested":
        return _prepare(release, route, now_us)
    assert route is not None
    if release.state == "preparing":
        return _when_ready(release, route, workers, now_us)
    failed = next((w.version for w in workers if w.version.startswith("failed")), None)
    if failed and release.before is not None and release.before.arms:
        why = failed.removeprefix("failed: ")
        return _roll_back(release, route, f"{release.version.name} fails to load: {why}", now_us)
    if release.state == "switching":
        return _when_switched(release, workers, evidence, now_us)
    judged = replace(release, judged=judge(release.plan, evidence, release.share))
    broken = [one for one in judged.judged if one.verdict.finding == "worse"]
    if broken:
        return _roll_back(judged, route, _in_words(broken), now_us)
    if release.paused or release.state == "asking":
        return None
    if release.state == "baking":
        return _when_baked(judged, now_us)
    if release.plan.goal is not None:
        return _when_tried(judged, release.plan.goal, route, evidence, now_us)
    return _when_held(judged, route, evidence, now_us)


def give_way(release: Release, other: Release, now_us: int) -> Decision:
    """End a release of an endpoint that another release moves already.

    Of two that were asked for at the same moment one goes on.
    """
    reason = f"A release of {other.version.name} was first."
    return Decision(_to(release, "failed", reason, now_us), None)


def follow(release: Release, now_us: int) -> Release:
    """End a release whose version answers everything, as the next one is asked for."""
    return _to(release, "done", "The next release begins.", now_us)


def reset(release: Release, jump_us: int, now_us: int) -> Release:
    """A release after somebody set the clock: what has passed of its step is what had passed.

    Args:
        release: in a state of `OPEN`.
        jump_us: how far the clock was set forward; below 0 if it was set back.
        now_us: on the clock as it is set now.
    """
    return replace(
        release,
        step_us=release.step_us + jump_us,
        changed_us=min(release.changed_us + jump_us, now_us),
    )


def _obey(
    release: Release, order: Order, route: Route | None, evidence: Evidence, now_us: int
) -> Decision | None:
    """Do what a person said, where it makes sense at this point; else leave it at that."""
    told = replace(release, order=None)
    refused = refuse(release, order, evidence)
    if refused is not None:  # it was not, when the order was given
        return Decision(replace(told, reason=refused.message), None)
    by = f"{order.actor}: {order.reason}" if order.reason else order.actor
    begun = release.state in ("switching", "holding", "asking", "baking")
    if order.name in ("abort", "rollback"):
        if begun and route is not None:
            return _back(told, route, "aborted", f"Taken back by {by}.", now_us)
        cleared = replace(route, prepare=()) if route is not None else None
        return Decision(_to(told, "aborted", f"Taken back by {by}.", now_us), cleared)
    if order.name == "pause":
        return Decision(replace(told, paused=True, reason=f"Paused by {by}."), None)
    if order.name == "resume":
        return Decision(replace(told, paused=False, reason=f"Resumed by {by}."), None)
    if not begun or route is None or release.state == "baking":
        return Decision(told, None)
    if order.name == "promote":
        plan = _moving(told.plan)
        last = replace(told, plan=plan, step=len(plan.steps) - 1, paused=False)
        return _enter(last, route, f"Promoted by {by}.", now_us)
    if release.state == "asking":
        return _leave(told, route, f"Approved by {by}.", now_us)
    return Decision(told, None)


def _moving(plan: Plan) -> Plan:
    """The plan; that of a shadow, whom a person promotes, gets a last step by which it answers."""
    return plan if plan.is_moving else replace(plan, steps=(*plan.steps, Step("share", SLOTS)))


def _prepare(release: Release, route: Route | None, now_us: int) -> Decision:
    if route is None:
        route = Route(release.endpoint, 0, release.signature, (), salt=release.id)
    reasons = fits(route.signature, release.signature) if route.arms else ()
    if reasons:
        reason = f"{release.version.name} does not fit the endpoint. {' '.join(reasons)}{_REMEDY}"
        return Decision(_to(release, "failed", reason, now_us), None)
    alone = not route.arms and not release.plan.decided_by
    if alone and not release.plan.is_moving:
        reason = f"No version answers {release.endpoint} yet: there is nothing to compare with."
        return Decision(_to(release, "failed", reason, now_us), None)
    preparing = _to(release, "preparing", f"Workers load {release.version.name}.", now_us)
    return Decision(replace(preparing, before=route), replace(route, prepare=(release.version,)))


def _when_ready(
    release: Release, route: Route, workers: Sequence[WorkerView], now_us: int
) -> Decision | None:
    failed = [w for w in workers if w.version.startswith("failed")]
    if failed:
        why = failed[0].version.removeprefix("failed: ")
        return _give_up(release, route, f"{release.version.name} cannot be served: {why}", now_us)
    if workers and all(worker.version == "ready" for worker in workers):
        return _enter(release, route, "Every worker is ready.", now_us)
    if now_us - release.changed_us > PREPARE_US_MAX:
        late = ", ".join(str(w.worker) for w in workers if w.version != "ready") or "all"
        reason = f"{release.version.name} was not ready in time on workers: {late}"
        return _give_up(release, route, reason, now_us)
    return None


def _give_up(release: Release, route: Route, reason: str, now_us: int) -> Decision:
    return Decision(_to(release, "failed", reason, now_us), replace(route, prepare=()))


def _enter(release: Release, route: Route, why: str, now_us: int) -> Decision:
    """Begin the step that a release is at; the first release of an endpoint goes all the way."""
    step = release.plan.steps[release.step]
    first = release.before is None or not release.before.arms
    if first and not release.plan.decided_by:
        release = replace(release, step=len(release.plan.steps) - 1)
        step = Step("share", SLOTS)
    if step.kind == "approve":
        whom = step.who or "a person"
        return Decision(_to(release, "asking", f"{why} It waits for {whom}.", now_us), None)
    name, share, slots = release.version.name, f"{step.slots / SLOTS:.2%}", step.slots
    if step.kind == "shadow":
        changed, slots = route_beside(release, route, slots), 0
        reason = f"{why} {name} sees {share} of the requests, and answers nobody."
    else:
        changed = route_at(release, route, slots)
        reason = f"{why} The route gives {name} {share}."
    switching = replace(
        _to(release, "switching", reason, now_us),
        revision=changed.revision,
        shares=release.shares | {changed.revision: slots},
    )
    return Decision(switching, changed)


def _leave(release: Release, route: Route, why: str, now_us: int) -> Decision:
    """Begin the next step; after a shadow's last one all is as it was before."""
    if release.step < len(release.plan.steps) - 1:
        return _enter(replace(release, step=release.step + 1), route, why, now_us)
    return _back(release, route, "done", f"{why} Nobody was moved.", now_us)


def _when_switched(
    release: Release, workers: Sequence[WorkerView], evidence: Evidence, now_us: int
) -> Decision | None:
    late = [worker.worker for worker in workers if worker.revision < release.revision]
    if workers and not late:
        does = "sees requests" if release.plan.steps[release.step].kind == "shadow" else "answers"
        return _settle(release, evidence, f"{release.version.name} {does}.", now_us)
    if now_us - release.changed_us > SWITCH_US_MAX:  # a worker in trouble must not bar the way back
        where = f"on workers: {', '.join(map(str, late))}" if workers else "as no worker lives"
        reason = f"{release.version.name} is routed to, but does not answer yet {where}"
        return _settle(release, evidence, reason, now_us)
    return None


def _settle(release: Release, evidence: Evidence, reason: str, now_us: int) -> Decision:
    """The step's route is in force: from now on its time counts."""
    state: State = "holding"
    last = release.step == len(release.plan.steps) - 1
    if last and release.plan.steps[-1].kind == "share":
        first = release.before is None or not release.before.arms
        state = "done" if first or not release.plan.bake_us else "baking"
    settled = _to(release, state, reason, now_us)
    return Decision(replace(settled, step_us=now_us, step_requests=_shown(release, evidence)), None)


def _shown(release: Release, evidence: Evidence) -> int:
    """What the candidate has been seen at so far, in the way of this step."""
    shadow = release.plan.steps[release.step].kind == "shadow"
    return evidence.compared.whole.rows if shadow else evidence.candidate


def _when_held(release: Release, route: Route, evidence: Evidence, now_us: int) -> Decision | None:
    """Leave a step when its time is over, was seen to its end, and the plan's proof is there.

    A candidate that nobody asked has shown nothing, however long that was.
    """
    step = release.plan.steps[release.step]
    held_us = now_us - release.step_us
    seen_us = evidence.until_us - release.step_us
    shadow = step.kind == "shadow"
    shown = _shown(release, evidence) - release.step_requests
    least = release.plan.rows_min if shadow else REQUESTS_MIN
    if min(held_us, seen_us) < step.hold_us or shown < least:
        if held_us < max(release.plan.longest_us, step.hold_us):
            return None
        was = f"compared on {shown} rows" if shadow else f"asked {shown} times"
        reason = f"{release.version.name} was {was} in the longest time."
        return Decision(_to(release, "asking", reason, now_us), None)
    unproven = _unproven(release)
    if not unproven:
        why = "The step is over; no guard is broken."
        if release.plan.decided_by and release.step == len(release.plan.steps) - 1:
            reason = f"{why} {release.plan.decided_by} decides until it is promoted or aborted."
            return Decision(_to(release, "asking", reason, now_us), None)
        return _leave(release, route, why, now_us)
    if held_us >= release.plan.longest_us:
        reason = f"It is not proven after the longest time. {_in_words(unproven)}"
        return Decision(_to(release, "asking", reason, now_us), None)
    return None


def _unproven(release: Release) -> list[Judged]:
    """Guards that the plan wants proof of, and those of outcomes of which none has come.

    Of a shadow only those count that look at what it answers: nothing else is known of it. Of who
    answers they do not: no more will be known of them than when it was let go on.
    """
    shadow = release.plan.steps[release.step].kind == "shadow"
    looked = [one for one in release.judged if (one.guard.kind == "value") == shadow]
    return [
        one
        for one in looked
        if (one.guard.name in release.plan.prove and one.verdict.finding != "no_worse")
        or (one.guard.metric and min(one.seen["units"], one.seen["units_beside"]) < UNITS_MIN)
    ]


def _when_tried(
    release: Release, goal: Goal, route: Route, evidence: Evidence, now_us: int
) -> Decision | None:
    """End an experiment when something is proven, or its time or its planned units are over.

    Where units are not split as the route says the arms hold different people, whoever is better.
    """
    standing = stand(release.plan, evidence.outcomes)
    release = replace(release, looked=storable(standing))
    told = in_words(goal, standing, release.version.name)
    if standing.is_mismatched:
        return Decision(_to(release, "asking", told, now_us), None)
    if standing.found == "worse":
        return _roll_back(release, route, told, now_us)
    unproven = _unproven(release)
    if standing.found == "better" and not unproven:
        if goal.auto:
            return _leave(release, route, told, now_us)
        return Decision(_to(release, "asking", f"{told} It waits for a person.", now_us), None)
    over = now_us - release.step_us >= release.plan.steps[release.step].hold_us
    if over or (not goal.peek and standing.is_complete):
        why = "The time is over." if over else "The planned units are there."
        told = " ".join([why, told, *map(_in_word, unproven)])
        return Decision(_to(release, "asking", told, now_us), None)
    return None


def _when_baked(release: Release, now_us: int) -> Decision | None:
    if now_us - release.step_us < release.plan.bake_us:
        return None
    reason = f"{release.version.name} answers all, and nothing is known against it."
    return Decision(_to(release, "done", reason, now_us), None)


def _roll_back(release: Release, route: Route, reason: str, now_us: int) -> Decision:
    return _back(release, route, "rolled back", reason, now_us)


def _back(release: Release, route: Route, state: State, reason: str, now_us: int) -> Decision:
    back = route_back(release, route)
    return Decision(replace(_to(release, state, reason, now_us), revision=back.revision), back)


def _in_words(judged: Sequence[Judged]) -> str:
    return " ".join(_in_word(one) for one in judged)


def _in_word(judged: Judged) -> str:
    seen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in judged.seen.items())
    finding = {"worse": "is proven broken", "no_worse": "is kept", "unknown": "is not proven kept"}
    name, allows = judged.guard.name, judged.guard.allows
    return f"The guard {name}, {allows}, {finding[judged.verdict.finding]} ({seen})."


def _to(release: Release, state: State, reason: str, now_us: int) -> Release:
    return replace(release, state=state, reason=reason, changed_us=now_us)
