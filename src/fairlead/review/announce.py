"""What callers are told of a decision: which prediction, what, and who decided."""

from __future__ import annotations

from fairlead.alerts import Message
from fairlead.alerts.compose import TITLE_LENGTH_MAX, clean
from fairlead.review.types import Task


def announce(task: Task) -> Message:
    """Write the message about a decision.

    Args:
        task: that is decided.
    """
    assert task.decided_us is not None
    told = clean(f"{task.endpoint}: {task.id} is decided.")
    return Message(
        endpoint=task.endpoint,
        cause=f"decision {task.id}",
        severity="digest",
        title=told[:TITLE_LENGTH_MAX],
        text=told,
        alerts=(),
        event="decision",
        detail={
            "id": task.id,
            "decision": task.decision,
            "decided_by": task.decided_by,
            "decided_us": task.decided_us,
            "reason": task.reason,
            "version": task.version,
        },
    )
