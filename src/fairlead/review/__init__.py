"""Review: what waits for a person, given to one at a time, decided once, and told to the log."""

from fairlead.review.types import PLACES, TASKS, Place, Reason, State, Task, Value

__all__ = ["PLACES", "TASKS", "Place", "Reason", "State", "Task", "Value"]
