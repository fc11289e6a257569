"""What an experiment has found so far, with what may be read into it."""

from __future__ import annotations

import msgspec

from fairlead.releases.judge import judge
from fairlead.releases.outcomes.experiment import in_words, stand
from fairlead.releases.outcomes.metrics import Arrived, Goal, Outcomes, Seen
from fairlead.releases.outcomes.standing import Standing
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
    standing = _standing(release, goal, evidence.outcomes)
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
        note=f"{told} {_advice(release, goal)}",
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


def _standing(release: Release, goal: Goal, outcomes: Outcomes) -> Standing:
    """What is to be told now: of the one look that is planned, what it found, and nothing else."""
    now = stand(release.plan, outcomes)
    if goal.peek:
        return now
    unseen = Standing(log_mismatch=now.log_mismatch, units=now.units, planned=now.planned,
                      needed=None if now.is_complete else now.needed)  # fmt: skip
    return release.looked or unseen


def _advice(release: Release, goal: Goal) -> str:
    if goal.peek:
        return "Intervals hold at every look, however often one looks."
    if release.looked is None:
        return f"It is not to be read before {goal.units:,} units are there."
    if release.looked.is_complete:
        return "That was found at the one look that was planned; what came since is no test."
    return f"It ended before {goal.units:,} units were there, so that there was no look."
