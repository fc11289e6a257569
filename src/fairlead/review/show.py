"""What is shown of a task: the model's guess in `assist`, and else when the decision stands."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.review.types import Task


def shown(task: Task) -> Task:
    """The task without what would lead a reviewer, as long as a decision can be taken back.

    Example:
        >>> task = Task(id="1", endpoint="e", queue="q", version="e:1", created_us=0, inputs={},
        ...             guess={"label": "left"}, mode="shadow")
        >>> shown(task).guess is None, shown(replace(task, mode="assist")).guess
        (True, {'label': 'left'})
    """
    told = task.mode == "assist" or task.state == "delivered"
    return task if told else replace(task, guess=None)
