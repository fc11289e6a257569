"""What a reviewer is shown of a task: in `assist` the model's guess, and else not."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.review.types import Task


def shown(task: Task) -> Task:
    """The task without what would lead a reviewer, as long as nobody has decided it.

    Example:
        >>> task = Task(id="1", endpoint="e", queue="q", version="e:1", created_us=0, inputs={},
        ...             guess={"label": "left"}, mode="shadow")
        >>> shown(task).guess is None, shown(replace(task, mode="assist")).guess
        (True, {'label': 'left'})
    """
    return task if task.mode == "assist" or task.state != "open" else replace(task, guess=None)
