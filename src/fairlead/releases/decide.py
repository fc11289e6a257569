"""How a release goes on, from what is known now: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from fairlead.releases.types import Decision, Release, State, WorkerView
from fairlead.routing import SLOTS, Arm, Route
from fairlead.signature import fits

PREPARE_US_MAX = 300_000_000
SWITCH_US_MAX = 60_000_000
_REMEDY = " Package it such that it fits, or give it an endpoint of its own."


def decide(
    release: Release, route: Route | None, workers: Sequence[WorkerView], now_us: int
) -> Decision | None:
    """Decide the next step of an open release.

    A version is prepared first: every living worker loads, proves and warms it while the old one
    goes on answering. When all are ready the route changes, in one commit; the release is done
    when all have it in force. What was replaced stays warm for the way back.

    Args:
        release: in a state of `OPEN`.
        route: the endpoint's, or None before its first release.
        workers: that are alive.
        now_us: microseconds since 1970.

    Returns:
        What to commit, or None while there is nothing to do but wait.
    """
    if release.state == "requested":
        return _prepare(release, route, now_us)
    assert route is not None
    if release.state == "preparing":
        return _when_ready(release, route, workers, now_us)
    return _when_switched(release, workers, now_us)


def give_way(release: Release, other: Release, now_us: int) -> Decision:
    """End a release of an endpoint that another release moves already.

    Of two that were asked for at the same moment one goes on.
    """
    reason = f"A release of {other.version.name} was first."
    return Decision(_to(release, "failed", reason, now_us), None)


def _prepare(release: Release, route: Route | None, now_us: int) -> Decision:
    if route is None:
        route = Route(release.endpoint, 0, release.signature, (), salt=release.id)
    reasons = fits(route.signature, release.signature) if route.arms else ()
    if reasons:
        reason = f"{release.version.name} does not fit the endpoint. {' '.join(reasons)}{_REMEDY}"
        return Decision(_to(release, "failed", reason, now_us), None)
    preparing = _to(release, "preparing", f"Workers load {release.version.name}.", now_us)
    return Decision(preparing, replace(route, prepare=(release.version,)))


def _when_ready(
    release: Release, route: Route, workers: Sequence[WorkerView], now_us: int
) -> Decision | None:
    failed = [w for w in workers if w.version.startswith("failed")]
    if failed:
        why = failed[0].version.removeprefix("failed: ")
        return _give_up(release, route, f"{release.version.name} cannot be served: {why}", now_us)
    if workers and all(worker.version == "ready" for worker in workers):
        return _switch(release, route, now_us)
    if now_us - release.changed_us > PREPARE_US_MAX:
        late = ", ".join(str(w.worker) for w in workers if w.version != "ready") or "all"
        reason = f"{release.version.name} was not ready in time on workers: {late}"
        return _give_up(release, route, reason, now_us)
    return None


def _when_switched(release: Release, workers: Sequence[WorkerView], now_us: int) -> Decision | None:
    late = [worker.worker for worker in workers if worker.revision < release.revision]
    if workers and not late:
        return Decision(_to(release, "done", f"{release.version.name} answers.", now_us), None)
    if now_us - release.changed_us > SWITCH_US_MAX:  # a worker in trouble must not bar the way back
        where = f"on workers: {', '.join(map(str, late))}" if workers else "as no worker lives"
        reason = f"{release.version.name} is routed to, but does not answer yet {where}"
        return Decision(_to(release, "done", reason, now_us), None)
    return None


def _give_up(release: Release, route: Route, reason: str, now_us: int) -> Decision:
    return Decision(_to(release, "failed", reason, now_us), replace(route, prepare=()))


def _switch(release: Release, route: Route, now_us: int) -> Decision:
    previous = tuple(arm.version for arm in route.arms if arm.version != release.version)
    switched = replace(
        route,
        revision=route.revision + 1,
        signature=release.signature,
        arms=(Arm("stable", release.version, "stable", ((0, SLOTS),)),),
        prepare=(),
        keep=previous,
    )
    reason = f"Every worker is ready; the route changes to {release.version.name}."
    switching = replace(_to(release, "switching", reason, now_us), revision=switched.revision)
    return Decision(switching, switched)


def _to(release: Release, state: State, reason: str, now_us: int) -> Release:
    return replace(release, state=state, reason=reason, changed_us=now_us)
