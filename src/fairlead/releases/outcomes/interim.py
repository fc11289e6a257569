"""What an experiment has found so far, with what may be read into it."""

from __future__ import annotations

import msgspec

from fairlead.releases.judge import judge
from fairlead.releases.outcomes.experiment import Standing, in_words, stand
from fairlead.releases.outcomes.metrics import Arrived, Seen
from fairlead.releases.types import Evidence, Judged, Release, State
from fairlead.routing import SLOTS
from fairlead.stats import Estimate


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One side.

    Args:
        version: that answers it.
        share: of the traffic, 0 to 1.
        requests: that it answered while both did.
        units: that were measured.
        value: of the goal's metric; None while it is not to be told.
        predictions: that count, with how many of them something came for, and how late.
    """

    version: str
    share: float
    requests: int
    units: int
    value: Estimate | None
    predictions: Arrived


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment at one look.

    Args:
        endpoint: that it is at.
        state: of the release.
        reason: why it is in this state.
        goal: the metric it goes by.
        better: `higher` or `lower`.
        peek: whether intervals hold at every look.
        note: what may be read into the numbers now.
        control: the stable version.
        candidate: the other.
        standing: how both compare.
        moved: units that were in both arms.
        guards: how they stand.
    """

    endpoint: str
    state: State
    reason: str
    goal: str
    better: str
    peek: bool
    note: str
    control: Arm
    candidate: Arm
    standing: Standing
    moved: int
    guards: tuple[Judged, ...]


def interim(release: Release, evidence: Evidence) -> Experiment:
    """Report on an experiment, at any time.

    Args:
        release: with a goal.
        evidence: of it.
    """
    goal = release.plan.goal
    assert goal is not None
    standing = stand(release.plan, evidence.outcomes)
    seen = evidence.outcomes.metrics.get(goal.name, Seen())
    share = release.plan.steps[0].slots / SLOTS
    before = release.before.arms[0].version.name if release.before and release.before.arms else ""
    told = in_words(goal, standing, release.version.name)
    return Experiment(
        endpoint=release.endpoint,
        state=release.state,
        reason=release.reason,
        goal=goal.name,
        better="higher" if goal.higher else "lower",
        peek=goal.peek,
        note=f"{told} {_advice(standing, peek=goal.peek)}",
        control=Arm(
            version=before,
            share=1.0 - share,
            requests=evidence.control,
            units=sum(step.control.units for step in seen.steps),
            value=standing.control,
            predictions=seen.control,
        ),
        candidate=Arm(
            version=release.version.name,
            share=share,
            requests=evidence.candidate,
            units=sum(step.candidate.units for step in seen.steps),
            value=standing.candidate,
            predictions=seen.candidate,
        ),
        standing=standing,
        moved=evidence.outcomes.moved,
        guards=judge(release.plan, evidence, release.share) if release.shares else (),
    )


def _advice(standing: Standing, *, peek: bool) -> str:
    if peek:
        return "Intervals hold at every look, however often one looks."
    if standing.is_complete:
        return "Intervals hold at this one look, which was planned."
    return f"It is not to be read before {standing.planned:,} units are there."
