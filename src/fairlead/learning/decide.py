"""What becomes of a learner and of its checkpoints: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from fairlead.learning.measure import level_of, mean
from fairlead.learning.types import (
    Following,
    Guard,
    Learner,
    Moments,
    OnlineSpec,
    Point,
    Tally,
)
from fairlead.stats import Evidence, threshold

ROWS_MIN = 20
"""Before the first checkpoint of a course: a version is proven on rows like those it is for."""
COURSE_MAX = 200
FAILURES_MAX = 5
KEPT_US = 86_400_000_000
"""A checkpoint is kept for a day at least: by then nothing that was begun with it goes on."""
RETRY_US = 2_000_000
RETRY_US_MAX = 300_000_000


def begin(spec: OnlineSpec, answering: str, passed: Sequence[str], now_us: int) -> Learner:
    """Begin with the version that answers; what came before it began is not learnt."""
    return Learner(
        endpoint=spec.endpoint,
        base=answering,
        good=answering,
        version=answering,
        answers=answering,
        began_us=now_us,
        checkpoint_us=now_us,
        passed=tuple(passed),
    )


def is_due(spec: OnlineSpec, learner: Learner, tally: Tally, now_us: int) -> bool:
    """Whether a checkpoint is to be made.

    Example:
        >>> spec = OnlineSpec(endpoint="e", labels=30, every_us=100, least_us=0)
        >>> one, new = begin(spec, "e:1", (), 0), Moments(rows=25)
        >>> is_due(spec, one, Tally(learner=new, recent=new), 99)
        False
        >>> is_due(spec, one, Tally(learner=new, recent=new), 100)
        True
    """
    since_us = now_us - learner.checkpoint_us
    if not tally.recent.rows or tally.learner.rows < ROWS_MIN or 0 <= since_us < spec.least_us:
        return False
    return tally.recent.rows >= spec.labels or since_us >= spec.every_us or since_us < 0


def checkpoint(
    learner: Learner, version: str, tally: Tally, passed: Sequence[str], now_us: int
) -> Learner:
    """A checkpoint was made: what was taken is learnt, and the last good version may be this one.

    It is, once the learner is proven better than the last good one: from then on it must not get
    worse than that. Evidence begins anew.
    """
    point = Point(
        time_us=now_us,
        version=version,
        labels=tally.recent.rows,
        learner=tally.recent.sum / max(tally.recent.rows, 1),
        base=tally.recent_base.sum / max(tally.recent.rows, 1),
    )
    gain = mean(tally.good_gain)
    is_better = gain is not None and gain.low > 0.0
    after = replace(
        tally, recent=Moments(), recent_base=Moments(), level=level_of(tally), fell=Evidence()
    )
    if is_better:
        after = replace(after, good_gain=Moments(), worse=Evidence())
    return replace(
        learner,
        version=version,
        answers=version,
        good=version if is_better else learner.good,
        checkpoint_us=now_us,
        passed=tuple(passed),
        steps=(),
        tally=after,
        now=after,
        course=(*learner.course, point)[-COURSE_MAX:],
    )


def judge(guard: Guard, good: str, tally: Tally) -> str:
    """Why a learner must stop to learn; empty if it may go on."""
    enough = threshold(guard.false_alarm_labels, 1.0)
    if tally.worse.value >= enough:
        return (
            f"It is worse than {good} on the same rows by more than the margin of "
            f"{guard.margin:g}, after {tally.learner.rows} labels."
        )
    if guard.fall and tally.fell.value >= enough:
        return (
            f"Its error is above its own of before by more than {guard.fall:g}, after "
            f"{tally.learner.rows} labels: the labels are wrong, or what they are about has "
            "changed at once."
        )
    return ""


def freeze(learner: Learner, tally: Tally, by: str, reason: str, *, back: bool) -> Learner:
    """It stops to learn; what was taken and is in no checkpoint is let go.

    Args:
        learner: as it is on record.
        tally: what was seen of it.
        by: who froze it.
        reason: why.
        back: whether the last good version shall answer again.
    """
    taken = [key for step in learner.steps for key in step]
    return replace(
        learner,
        state="frozen",
        by=by,
        reason=reason,
        now=tally,
        passed=(*learner.passed, *taken),
        steps=(),
        answers=learner.good if back else learner.answers,
    )


@dataclass(frozen=True, slots=True)
class Next:
    """What the controller does next.

    Args:
        name: `wait`; `note` that a version answers; `release` what shall answer; `begin` anew
            with the version that does; or `freeze`, with the reason.
        reason: why.
    """

    name: Literal["wait", "note", "release", "begin", "freeze"]
    reason: str = ""


def go_on(learner: Learner, following: Following, answering: str, ended: str, why: str) -> Next:
    """See how the platform follows a learner, while no release is under way.

    Args:
        learner: as it is on record.
        following: how far it was followed.
        answering: the version that answers.
        ended: how the release that was asked for last ended: `done`, `rolled back`, `aborted`,
            `failed`; empty if none was asked for.
        why: it ended so.
    """
    wanted = learner.answers
    if answering in (wanted, following.asked) and answering != following.seen:
        return Next("note")
    if answering == wanted:
        return Next("wait")
    asked = following.asked == wanted
    if answering == following.seen and not asked:
        return Next("release")
    if answering == following.seen and ended != "done":
        if learner.state == "frozen":
            return Next("wait")
        return Next("freeze", f"The release of {wanted} was {ended}: {why}".strip())
    if learner.state == "frozen":
        return Next("wait")
    return Next("begin", f"{answering} was let answer.")


def superseded(
    made: Sequence[tuple[str, int]], keep: int, used: Collection[str], now_us: int
) -> list[str]:
    """The checkpoints that may be let go: older than a day, not of the newest, used by nothing.

    Args:
        made: names of the versions that learners made, and when, oldest first.
        keep: how many of the newest stay.
        used: names of versions that something may still load.
        now_us: now.

    Example:
        >>> made = [("e:1", 0), ("e:2", 1), ("e:3", 2), ("e:4", 3)]
        >>> superseded(made, 1, {"e:2"}, KEPT_US + 3)
        ['e:1', 'e:3']
    """
    old = made[:-keep] if keep else made
    return [name for name, at_us in old if name not in used and now_us - at_us > KEPT_US]


def is_failing(learner: Learner, following: Following) -> bool:
    """Whether its process has failed so often since its newest checkpoint that a person should see.

    Example:
        >>> one = Learner(endpoint="e", base="e:1", good="e:1", version="e:1", answers="e:1",
        ...               began_us=0, checkpoint_us=7)
        >>> is_failing(one, Following(endpoint="e", seen="e:1", failures=5, at_us=7))
        True
        >>> is_failing(one, Following(endpoint="e", seen="e:1", failures=5, at_us=3))
        False
    """
    since = following.at_us == learner.checkpoint_us
    return learner.state == "learning" and since and following.failures >= FAILURES_MAX


def retry_us(failures: int) -> int:
    """How long to wait after so many failures in a row, microseconds; it doubles.

    Example:
        >>> retry_us(1), retry_us(3)
        (2000000, 8000000)
    """
    return min(RETRY_US << min(failures - 1, 20), RETRY_US_MAX)
