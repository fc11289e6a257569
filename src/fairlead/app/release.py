"""How one release of a workspace stands, put together from records, evidence and the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from fairlead.api.release import (
    GuardLine,
    History,
    Offer,
    ReleaseReport,
    StepLine,
    StepStanding,
    Word,
    line_of,
)
from fairlead.app.releasing import went_before
from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError
from fairlead.releases import OPEN, RELEASES, Evidence, Judged, Order, Plan, Release
from fairlead.releases.course import Course
from fairlead.releases.enclose import Enclosed, enclose, measured_in
from fairlead.releases.judge import alpha_of, judged_now
from fairlead.releases.outcomes.experiment import power_reached
from fairlead.releases.outcomes.interim import interim
from fairlead.releases.permit import offered, refuse
from fairlead.releases.shadow.summary import summarize
from fairlead.routing import SLOTS
from fairlead.store import Event

PAGE_LINES = 20
ENTERED = ("release switching", "release asking")
"""What the audit tells when a step begins."""


def find_release(workspace: Workspace, endpoint: str, release_id: str) -> Release:
    """One release.

    Raises:
        NotFoundError: there is no such release of the endpoint.
    """
    stored = workspace.store.get(RELEASES, RELEASES.key(endpoint, release_id))
    if stored is None:
        raise NotFoundError(
            f"The endpoint '{endpoint}' had no release of this id.",
            hint="Its page 'Release' lists all there were.",
        )
    return stored.value


def history(workspace: Workspace, endpoint: str, page: int) -> History:
    """A page of an endpoint's releases.

    Args:
        workspace: whose.
        endpoint: its name.
        page: which, from 1 on; the nearest there is, if there is no such one.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    workspace.route(endpoint)
    releases = workspace.releases
    pages = max(1, -(-releases.count(endpoint) // PAGE_LINES))
    page = min(max(page, 1), pages)
    under_way = releases.under_way(endpoint)
    return History(
        lines=tuple(
            line_of(one) for one in releases.last(endpoint, PAGE_LINES, (page - 1) * PAGE_LINES)
        ),
        page=page,
        pages=pages,
        under_way="" if under_way is None else under_way.id,
    )


def report(workspace: Workspace, endpoint: str, release_id: str, actor: str) -> ReleaseReport:
    """How a release stands.

    Args:
        workspace: whose.
        endpoint: that is moved.
        release_id: of the release.
        actor: who asks; by their name some orders are refused.

    Raises:
        NotFoundError: there is no such release.
    """
    release = find_release(workspace, endpoint, release_id)
    evidence = workspace.witness.evidence(release)
    course = workspace.releases.course(release)
    events = _events(workspace, release)
    plan, before = release.plan, release.before
    return ReleaseReport(
        endpoint=endpoint,
        line=line_of(release),
        time_us=workspace.clock.now_us(),
        before=before.arms[0].version.name if before is not None and before.arms else "",
        is_open=release.state in OPEN,
        share=release.share if release.shares else 0.0,
        told=release.order.name if release.order is not None else "",
        decided_by=plan.decided_by,
        steps=tuple(_stood(release, _begun(events))),
        longest_us=plan.longest_us,
        guards=tuple(_guards(release, evidence, course)),
        looks=len(course.looks),
        words=tuple(_word(event) for event in reversed(events)),
        offers=_offers(workspace, release, evidence, actor),
        goal=plan.goal,
        experiment=interim(release, evidence) if plan.goal is not None else None,
        power=power_reached(plan, evidence.outcomes) if plan.goal is not None else None,
        comparison=summarize(evidence.compared) if plan.is_compared else None,
    )


def begun(workspace: Workspace, release: Release) -> dict[int, int]:
    """When each step of a release began, by its place, in microseconds since 1970."""
    return _begun(_events(workspace, release))


def share_of(release: Release, place: int) -> str:
    """What one step gives or shows the candidate, in a word."""
    step = release.plan.steps[place]
    if step.kind == "approve":
        return "approval"
    share = f"{100 * step.slots / SLOTS:g} %"
    return f"shadow {share}" if step.kind == "shadow" else share


def _events(workspace: Workspace, release: Release) -> list[Event]:
    return workspace.store.events(subject=RELEASES.key(release.endpoint, release.id))


def steps_of(plan: Plan) -> tuple[StepLine, ...]:
    """The steps of a plan, with the time in which the way back stays warm."""
    steps = [
        StepLine(kind=step.kind, share=step.slots / SLOTS, hold_us=step.hold_us, who=step.who)
        for step in plan.steps
    ]
    if plan.bake_us and plan.is_moving:
        steps.append(StepLine(kind="bake", share=1.0, hold_us=plan.bake_us))
    return tuple(steps)


def _stood(release: Release, begun: Mapping[int, int]) -> Iterator[StepLine]:
    present = len(release.plan.steps) if release.state == "baking" else release.step
    for place, step in enumerate(steps_of(release.plan)):
        standing = _standing(release, place, present)
        begun_us = begun.get(place)
        if place == present and release.step_us:
            begun_us = release.step_us  # since when its time counts
        later = [at_us for other, at_us in begun.items() if other > place]
        ended_us = min(later, default=None) if standing == "done" else None
        yield replace(step, standing=standing, begun_us=begun_us, ended_us=ended_us)


def _standing(release: Release, place: int, present: int) -> StepStanding:
    """Where a release is, seen from one of its steps."""
    if release.state == "done" or place < present:
        return "done"
    if release.state in OPEN:
        return "present" if place == present and release.state != "requested" else "to come"
    return "ended here" if place == present and release.shares else "not reached"


def _begun(events: Sequence[Event]) -> dict[int, int]:
    """When each step began."""
    found: dict[int, int] = {}
    for event in events:
        step = event.detail.get("step")
        if event.action in ENTERED and isinstance(step, int):
            found.setdefault(step, event.time_us)
    return found


def _guards(release: Release, evidence: Evidence, course: Course) -> Iterator[GuardLine]:
    """As the newest look found them; before any, as they are found now."""
    ends = course.looks[-1].ends if course.looks else {}
    for judged in judged_now(release, evidence) or _unjudged(release):
        guard = judged.guard
        found = ends.get(guard.name)
        if found is None:
            found = enclose(guard, evidence, release.share, alpha_of(release.plan))
        yield _guard_line(release, judged, found)


def _unjudged(release: Release) -> Iterator[Judged]:
    """The guards of a release that nothing is known of yet."""
    return iter(judged_now(replace(release, state="holding", shares={0: 0}), Evidence()))


def _guard_line(release: Release, judged: Judged, found: Enclosed) -> GuardLine:
    guard = judged.guard
    return GuardLine(
        name=guard.name,
        allows=guard.allows,
        bound=guard.bound,
        kind=guard.kind,
        at_least=guard.at_least,
        measured_in=measured_in(guard),
        found=found,
        finding=judged.verdict.finding,
        needed=judged.verdict.needed,
        awaited=guard.name in release.plan.prove,
        seen=judged.seen,
    )


def _word(event: Event) -> Word:
    did = event.action.removeprefix("release ")
    return Word(
        time_us=event.time_us,
        actor=event.actor,
        did=did,
        ordered=event.actor != "controller",
        reason=str(event.detail.get("reason", "")),
    )


def _offers(
    workspace: Workspace, release: Release, evidence: Evidence, actor: str
) -> tuple[Offer, ...]:
    if release.state not in OPEN:
        last = went_before(workspace, release.endpoint)
        return (Offer(order="rollback"),) if last is not None and last.id == release.id else ()
    found = []
    for name in offered(release):
        refused = refuse(release, Order(name, actor), evidence)
        again = refuse(release, Order(name, actor, "a reason"), evidence)
        said = again.message if again is not None else ""
        hint = (again.hint or "") if again is not None else ""
        reasoned = refused is not None and again is None
        found.append(Offer(order=name, refused=said, hint=hint, reasoned=reasoned))
    return tuple(found)
