"""The routes of a release: who answers how much at each of its steps."""

from __future__ import annotations

from hashlib import blake2b

from msgspec.structs import replace

from fairlead.releases.types import Release
from fairlead.routing import PERSON, SLOTS, Arm, Automation, Route, reweigh

CANDIDATE, CONTROL, SHADOW = "candidate", "control", "shadow"


def route_at(release: Release, route: Route, slots: int) -> Route:
    """The route that gives the candidate a share of the traffic.

    An equal share goes to the mirror control: the stable version in an arm of its own, so that
    latencies are compared that come of batches of the same size.

    Args:
        release: whose candidate.
        route: in force.
        slots: of 10,000, the candidate's; all of them promote it.
    """
    before = release.before
    if slots == SLOTS or before is None or not before.arms:
        return _promoted(release, route)
    arms = _arms(release, route, before)
    control = min(slots, SLOTS - slots)
    wanted = {CANDIDATE: slots, CONTROL: control, "stable": SLOTS - slots - control}
    changed = reweigh(arms, wanted, _start(release))
    revision = route.revision + 1
    return replace(route, revision=revision, arms=changed, prepare=(), shadows=before.shadows)


def route_beside(release: Release, route: Route, slots: int) -> Route:
    """The route that lets the candidate see a share of the traffic, and answer nobody.

    Where a person decides, the candidate is the only arm, and what it answers is given to nobody.

    Args:
        release: whose candidate.
        route: in force; its arms stay as they are, unless a person decides.
        slots: of 10,000, whose requests the candidate sees.
    """
    if release.plan.decided_by:
        return _decided(release, route)
    start = _start(release)
    parts = ((start, min(start + slots, SLOTS)), (0, max(start + slots - SLOTS, 0)))
    seen = tuple(sorted(part for part in parts if part[0] < part[1]))
    shadow = Arm(SHADOW, release.version, "shadow", seen)
    others = release.before.shadows if release.before is not None else ()
    revision = route.revision + 1
    return replace(route, revision=revision, prepare=(), shadows=(*others, shadow))


def route_back(release: Release, route: Route) -> Route:
    """The route as it was before a release, or with nobody if there was nothing."""
    before = release.before or replace(route, arms=(), keep=())
    return replace(
        route,
        revision=route.revision + 1,
        arms=before.arms,
        signature=before.signature,
        prepare=(),
        keep=before.keep,
        shadows=before.shadows,
        automation=_automation(release, route),
    )


def _promoted(release: Release, route: Route) -> Route:
    refs = dict.fromkeys(arm.version for arm in (release.before or route).arms)
    refs.pop(release.version, None)
    return replace(
        route,
        revision=route.revision + 1,
        signature=release.signature,
        arms=(Arm("stable", release.version, "stable", ((0, SLOTS),)),),
        prepare=(),
        keep=tuple(refs),
        shadows=(),
        automation=_automation(release, route),
    )


def _decided(release: Release, route: Route) -> Route:
    refs = dict.fromkeys((*(arm.version for arm in route.arms), *route.keep))
    refs.pop(release.version, None)
    return replace(
        route,
        revision=route.revision + 1,
        signature=route.signature if route.arms else release.signature,
        arms=(Arm(SHADOW, release.version, "shadow", ((0, SLOTS),)),),
        prepare=(),
        keep=tuple(refs),
        shadows=(),
        automation=Automation("shadow", queue=release.plan.decided_by.removeprefix(PERSON)),
    )


def _automation(release: Release, route: Route) -> Automation:
    """Who decides after a release: as before where it let people decide, else as now."""
    if not release.plan.decided_by:
        return route.automation
    return release.before.automation if release.before is not None else Automation()


def _start(release: Release) -> int:
    """The first slot that may change hands: not always the same units try what is new."""
    return int.from_bytes(blake2b(release.id.encode(), digest_size=8).digest()) % SLOTS


def _arms(release: Release, route: Route, before: Route) -> tuple[Arm, ...]:
    """Those in force, or those that a release begins with."""
    if any(arm.name == CANDIDATE for arm in route.arms):
        return route.arms
    stable = before.arms[0]
    return (
        Arm("stable", stable.version, "stable", ((0, SLOTS),)),
        Arm(CONTROL, stable.version, "stable", ()),
        Arm(CANDIDATE, release.version, "candidate", ()),
    )
