"""How a task comes into its line, and for how many there is room."""

from __future__ import annotations

from fairlead.review.types import PLACES, TASKS, Place, Task
from fairlead.store import ABSENT, Put, Store

OPEN_MAX = 1000
"""Tasks of a queue that are in the store at once; what is more waits on the log."""


def room_in(store: Store, queue: str, open_max: int = OPEN_MAX) -> int:
    """How many tasks more may wait in a queue."""
    waiting = store.scan(PLACES, f"{queue}/")
    return max(open_max - sum(stored.value.decided_us is None for stored in waiting), 0)


def entered(task: Task) -> tuple[Put[Task], Put[Place]]:
    """What is committed for a new task: itself, and its place."""
    place = Place(id=task.id, endpoint=task.endpoint, is_sample=task.reason == "sample")
    return (
        Put(TASKS, TASKS.key(task.id), task, ABSENT),
        Put(PLACES, PLACES.key(task.queue, task.id), place, ABSENT),
    )
