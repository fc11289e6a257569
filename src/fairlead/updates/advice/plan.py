"""Which trainings give which policies, and as many of these as a budget allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairlead.durations import about
from fairlead.updates.advice.cut import known
from fairlead.updates.advice.types import Blocks, Course, History, LeftOut, Plan, Policy, Training

NEVER = "never"


def policies(blocks: Blocks) -> tuple[Policy, ...]:
    """The policies that are compared.

    How often, on all there is and on as much as stands before the first training: these take no
    trainings that those of each block do not take. Then, of each block, half and twice as much,
    fine-tuning, and recalibration.

    Args:
        blocks: of the history.

    Example:
        >>> of = Blocks(np.arange(21) * 86_400_000_000, np.zeros(0, np.intp), 4)
        >>> [policy.name for policy in policies(of)][3:9]
        ['every 2d', 'every 1d', 'every 8d, last 4d', 'every 4d, last 4d', 'every 2d, last 4d', \
'every 1d, last 4d']
    """
    answered, warm = blocks.count - blocks.warm, blocks.warm
    cadences = [every for every in (8, 4, 2, 1) if every <= answered // 2]
    windows = [window for window in (warm // 2, 2 * warm) if 0 < window <= blocks.count // 2]
    often = _every(blocks, 1)
    return (
        Policy(name=NEVER),
        *(Policy(name=_every(blocks, every), every=every) for every in cadences),
        *(Policy(name=_every(blocks, every, warm), every=every, window=warm) for every in cadences),
        *(Policy(name=_every(blocks, 1, window), every=1, window=window) for window in windows),
        Policy(name=f"{often}, fine-tune", every=1, way="fine-tune"),
        Policy(name=f"{often}, recalibrate", every=1, way="recalibrate"),
    )


def follow(policy: Policy, blocks: Blocks) -> Course:
    """The training whose model answers each block.

    All policies begin with the same model, trained before the first answered block on all that is
    known by then.

    Args:
        policy: to follow.
        blocks: of the history.
    """
    at = first = Training(block=blocks.warm, since=0)
    course = []
    for block in range(blocks.warm, blocks.count):
        age = block - blocks.warm
        if policy.every and policy.way != "recalibrate" and age and age % policy.every == 0:
            since = max(block - policy.window, 0) if policy.window else 0
            at = Training(
                block=block, since=since, previous=at if policy.way == "fine-tune" else None
            )
        course.append(at)
    assert course[0] == first
    return Course(policy=policy, trainings=tuple(course))


def plan(
    history: History,
    blocks: Blocks,
    wanted: Sequence[Policy],
    *,
    trainings_max: int,
    rows_min: int,
) -> Plan:
    """Choose policies, and the trainings that they share.

    `never` comes first; of the others, time and again the one that needs the fewest further
    trainings, as long as the budget allows.

    Args:
        history: labelled rows.
        blocks: of the history.
        wanted: policies, `never` first.
        trainings_max: budget.
        rows_min: rows below which nothing is trained.
    """
    courses, left_out = [], []
    for policy in wanted:
        course = follow(policy, blocks)
        least = min(len(known(history, blocks, one)) for one in set(course.trainings))
        if least < rows_min:
            reason = f"once only {least} labelled rows would be known, {rows_min} are needed"
            left_out.append(LeftOut(policy=policy.name, reason=reason))
        else:
            courses.append(course)
    chosen, needed = _within(courses, trainings_max)
    names = {course.policy.name for course in chosen}
    left_out += [
        LeftOut(policy=course.policy.name, reason=f"more than {trainings_max} trainings")
        for course in courses
        if course.policy.name not in names
    ]
    kept = tuple(course for course in courses if course.policy.name in names)
    return Plan(courses=kept, trainings=tuple(needed), left_out=tuple(left_out))


def _within(courses: list[Course], most: int) -> tuple[list[Course], dict[Training, None]]:
    """Courses that a budget allows, and their trainings in the order of choice."""
    waiting = list(courses)
    chosen: list[Course] = []
    needed: dict[Training, None] = {}
    while waiting:
        new = [len(set(course.trainings) - needed.keys()) for course in waiting]
        at = int(np.argmin(new)) if chosen else 0
        if chosen and len(needed) + new[at] > most:
            break
        course = waiting.pop(at)
        chosen.append(course)
        needed |= dict.fromkeys(course.trainings)
    return chosen, needed


def _every(blocks: Blocks, every: int, window: int = 0) -> str:
    block_s = blocks.length_us / 1e6
    return f"every {about(every * block_s)}" + (
        f", last {about(window * block_s)}" if window else ""
    )
