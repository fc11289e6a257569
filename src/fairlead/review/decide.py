"""What a decision, and its taking back, make of a task and its place."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.errors import ConflictError
from fairlead.review.take import is_held, put_back, take
from fairlead.review.types import Place, Task, Value

GRACE_US = 10_000_000
"""For how long a decision can be taken back; then it is delivered."""


def decide(
    task: Task, place: Place, value: Value, reviewer: str, now_us: int
) -> tuple[Task, Place]:
    """Decide a task.

    Who had it before them may be late, as long as nobody else has it by now.

    Args:
        task: to be decided.
        place: of it.
        value: of the decision.
        reviewer: who decides.
        now_us: microseconds since 1970.

    Raises:
        ConflictError: it is decided, or before somebody else.
    """
    if place.decided_us is not None:
        raise ConflictError(
            f"{task.id} is decided already.", hint="Undo that first, if it was you."
        )
    if is_held(place, reviewer, now_us):
        raise ConflictError(f"Somebody else has {task.id} before them.", hint="Take the next one.")
    return (
        replace(task, decision=value, decided_by=reviewer, decided_us=now_us),
        replace(put_back(place), decided_by=reviewer, decided_us=now_us),
    )


def undo(task: Task, place: Place, reviewer: str, now_us: int) -> tuple[Task, Place]:
    """Take a decision back: the task is before its reviewer again.

    Args:
        task: that is decided.
        place: of it.
        reviewer: who wants that.
        now_us: microseconds since 1970.

    Raises:
        ConflictError: there is nothing of theirs to take back, or it is on its way.
    """
    if place.decided_us is None or place.decided_by != reviewer:
        raise ConflictError(f"{task.id} is not decided by you.")
    if place.is_leaving:
        raise ConflictError(
            f"The decision of {task.id} is delivered: it cannot be taken back.",
            hint="Send a correction as feedback of the name 'label' under its id.",
        )
    opened = replace(place, decided_by="", decided_us=None)
    return (
        replace(task, decision=None, decided_by="", decided_us=None),
        take(opened, reviewer, now_us),
    )


def is_due(place: Place, now_us: int) -> bool:
    """Whether a decision is to be delivered now.

    A clock that was set back makes no decision wait for longer than the grace.
    """
    if place.decided_us is None:
        return False
    return place.is_leaving or not 0 <= now_us - place.decided_us < GRACE_US
