"""What people are asked to decide, and where each question stands in its line."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal

import msgspec

from fairlead.records import Kind

Reason = Literal["pending", "audit", "sample"]
"""Why a person is asked: nobody has answered yet, the model's answer is sampled to be judged, or
the row was chosen since a label of it is worth the most."""
State = Literal["open", "decided", "delivered"]
Value = bool | int | float | str

KEEP_US = 30 * 86_400_000_000
"""For how long a task is on record after its decision was delivered."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction that a person decides.

    Args:
        id: of the prediction, as text.
        endpoint: that was asked.
        queue: that it waits in.
        version: that predicted, silently or not.
        created_us: when the prediction was asked for, microseconds since 1970.
        inputs: what was asked, as the log keeps it: of pictures and sound a digest.
        guess: what the model answered; None where it failed.
        mode: of the endpoint at that time: `human`, `shadow`, `assist`, `partial`, ...
        reason: why a person is asked.
        why: this row was chosen, in words, of a sample: `uncertain: 0.51`.
        decision: of the person; None while there is none.
        decided_by: the reviewer's name.
        decided_us: when.
        delivered_us: when the decision became feedback, after which it is not taken back; None
            before that.
    """

    id: str
    endpoint: str
    queue: str
    version: str
    created_us: int
    inputs: dict[str, Any]
    guess: dict[str, Any] | None = None
    mode: str = ""
    reason: Reason = "pending"
    why: str = ""
    decision: Value | None = None
    decided_by: str = ""
    decided_us: int | None = None
    delivered_us: int | None = None

    @property
    def state(self) -> State:
        """How far it is; callers are told a decision once it is delivered, and not before."""
        if self.delivered_us is not None:
            return "delivered"
        return "open" if self.decision is None else "decided"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A task's place in its line: there until the decision is delivered, and gone with that.

    What changes while a task waits is kept apart from what it shows, so that looking through a
    line, taking and skipping neither read nor write anybody's inputs.

    Args:
        id: of the task.
        endpoint: of the task.
        taken_by: the reviewer who has it before them; empty if nobody.
        taken_until_us: until when it is theirs alone.
        skips: how often each reviewer has passed it over.
        decided_by: the reviewer who has decided; empty before that.
        decided_us: when; None before that.
        is_leaving: whether delivery has begun, so that it cannot be undone any more.
        is_sample: whether it was chosen to be labelled, so that nobody waits for it.
    """

    id: str
    endpoint: str
    taken_by: str = ""
    taken_until_us: int = 0
    skips: dict[str, int] = {}
    decided_by: str = ""
    decided_us: int | None = None
    is_leaving: bool = False
    is_sample: bool = False


TASKS = Kind("task", Task)
"""By the prediction's id alone: who asks for a prediction knows nothing else."""
PLACES = Kind("queue", Place)
"""By queue and id, that is by age: what is scanned to find the next task of a queue."""


MEDIA = "review/"
"""Where pictures and sound are that are kept for reviewers."""


def media_key(task: str, field: str) -> str:
    """The blob of a picture or a sound that somebody is asked about.

    A field may have any name, and a blob only a plain one: it has the name's digest.

    Example:
        >>> media_key("01890a5d-ac96-774b-bcce-b302099a8057", "left/scan")[:50]
        'review/01890a5d-ac96-774b-bcce-b302099a8057/9cd9a8'
    """
    return f"{MEDIA}{task}/{sha256(field.encode()).hexdigest()}"
