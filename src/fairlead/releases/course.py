"""The course of a release: what was known of its guards over time, in a bounded number of looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import msgspec
from msgspec.structs import replace

from fairlead.records import Kind
from fairlead.releases.enclose import Enclosed, enclose
from fairlead.releases.judge import alpha_of
from fairlead.releases.outcomes.experiment import stand
from fairlead.releases.types import Evidence, Release

LOOKS_MAX = 200
GOAL = "goal"
"""Stands for the goal of an experiment among the names of guards."""


class Look(msgspec.Struct, frozen=True):
    """What was known at one time.

    Args:
        time_us: microseconds since 1970.
        requests: to the candidate, or rows that it was compared on as a shadow.
        ends: by guard, and under `goal` of an experiment the difference of its goal.
    """

    time_us: int
    requests: int
    ends: dict[str, Enclosed] = {}


class Course(msgspec.Struct, frozen=True):
    """Looks, the newest always among them.

    Args:
        looks: in the order in which they were made.
        every_us: how far apart they are kept, but for the newest.
    """

    looks: tuple[Look, ...] = ()
    every_us: int = 1_000_000


COURSE = Kind("course", Course)


def add_look(course: Course, look: Look) -> Course:
    """Add the newest look; once there are too many, they are kept twice as far apart.

    So a release of minutes is known by the second, one of weeks by the hour, in the same space.

    Example:
        >>> course = Course()
        >>> for second in range(1000):
        ...     course = add_look(course, Look(second * 1_000_000, second))
        >>> len(course.looks) <= 200, course.every_us // 1_000_000, course.looks[-1].requests
        (True, 8, 999)
    """
    looks = course.looks
    if len(looks) > 1 and abs(looks[-1].time_us - looks[-2].time_us) < course.every_us:
        looks = looks[:-1]  # the newest until now, and none of those that are kept
    looks, every_us = (*looks, look), course.every_us
    while len(looks) > LOOKS_MAX:
        every_us *= 2
        looks = (*_apart(looks[:-1], every_us), looks[-1])
    return Course(looks, every_us)


def _apart(looks: Sequence[Look], every_us: int) -> Iterator[Look]:
    """The first, and each that is far enough from the one before it."""
    last_us: int | None = None
    for look in looks:
        if last_us is None or abs(look.time_us - last_us) >= every_us:
            last_us = look.time_us
            yield look


def look_at(release: Release, evidence: Evidence, now_us: int) -> Look:
    """What is known of a release now.

    Of an experiment that is decided at one planned look, nothing is told of the goal before.

    Args:
        release: whose guards.
        evidence: of it.
        now_us: microseconds since 1970.
    """
    plan, alpha = release.plan, alpha_of(release.plan)
    ends = {one.name: enclose(one, evidence, release.share, alpha) for one in plan.guards}
    if plan.goal is not None and plan.goal.peek:
        ends[GOAL] = _goal(release, evidence)
    shadow = plan.steps[release.step].kind == "shadow"
    seen = evidence.compared.whole.rows if shadow else evidence.candidate
    return Look(now_us, seen, ends)


def _goal(release: Release, evidence: Evidence) -> Enclosed:
    standing = stand(release.plan, evidence.outcomes)
    ours, theirs, apart = standing.candidate, standing.control, standing.difference
    if ours is None or theirs is None or apart is None:
        return Enclosed()
    low, high = (end if isfinite(end) else None for end in (apart.low, apart.high))
    return Enclosed(ours.value, theirs.value, apart.value, low, high)


def same(one: Look, other: Look) -> bool:
    """Whether nothing more was known at one look than at another."""
    return replace(one, time_us=other.time_us) == other
