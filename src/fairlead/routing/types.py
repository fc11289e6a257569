"""The route: which versions answer an endpoint's requests."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fairlead.records import Kind
from fairlead.signature import Signature

SLOTS = 10_000

Role = Literal["stable", "candidate", "shadow"]
AssignedBy = Literal["hash", "override", "test", "fallback"]
Mode = Literal["human", "shadow", "assist", "partial", "full"]
PERSON = "human:"
"""What stands before the queue of a person who decides."""


class VersionRef(msgspec.Struct, frozen=True):
    """A version as the data plane needs it: a worker asks no registry.

    Args:
        name: `churn:7`.
        digest: of its bundle.
        blob: where the bundle's archive lies in the blob store.
        allow_pickle: whether the operator allowed a pickled payload for it.
    """

    name: str
    digest: str
    blob: str
    allow_pickle: bool = False


class Arm(msgspec.Struct, frozen=True):
    """One version's share of an endpoint's requests.

    Args:
        name: `stable`, `candidate`.
        version: what answers.
        role: what part it plays.
        slots: half-open ranges of the endpoint's 10,000 slots that it owns.
    """

    name: str
    version: VersionRef
    role: Role
    slots: tuple[tuple[int, int], ...]

    @property
    def weight(self) -> float:
        """Its share of the requests, 0 to 1."""
        return sum(end - start for start, end in self.slots) / SLOTS


class Automation(msgspec.Struct, frozen=True):
    """How much of an endpoint's work the model does.

    Args:
        mode: `human`, a person decides every row and the model is not asked; `shadow`, a person
            decides and the model's answer is on the log alone; `assist`, as shadow, but the
            person is shown the answer; `partial`, the model decides some rows; `full`, all.
        auto_if: which rows it decides, of partial: `confidence >= 0.97`.
        queue: whose people decide; empty for that of the endpoint's name.
        audit: share of the rows that the model decides which a person looks at too, 0 to 1.
    """

    mode: Mode = "full"
    auto_if: str = ""
    queue: str = ""
    audit: float = 0.0


class Route(msgspec.Struct, frozen=True):
    """An immutable snapshot of what answers an endpoint.

    Args:
        endpoint: its name.
        revision: rises by one with each change of `arms`.
        signature: what requests are checked against.
        arms: who answers; together they own every slot, or there are none yet.
        prepare: versions that workers load and warm before they are routed to.
        keep: versions that stay warm for the way back.
        salt: of the hash that assigns units to slots.
        shadows: who also sees requests, after they were answered, and answers nobody; their slots
            are those of the requests they see.
        automation: who decides, the arms or people.
    """

    endpoint: str
    revision: int
    signature: Signature
    arms: tuple[Arm, ...]
    prepare: tuple[VersionRef, ...] = ()
    keep: tuple[VersionRef, ...] = ()
    salt: str = ""
    shadows: tuple[Arm, ...] = ()
    automation: Automation = Automation()

    @property
    def queue(self) -> str:
        """Whose people decide what the model does not."""
        return self.automation.queue or self.endpoint


def number_of(version: str) -> str:
    """The number in a version's name.

    Example:
        >>> number_of("churn:7")
        '7'
    """
    return version.rpartition(":")[2]


def _of_version_1(value: dict[str, Any]) -> dict[str, Any]:
    """A route that said `decided_by`: `human:QUEUE` where a person decided, the model silently."""
    by = str(value.pop("decided_by", ""))
    if not by:
        return value
    return {**value, "automation": {"mode": "shadow", "queue": by.removeprefix(PERSON)}}


ROUTES = Kind("route", Route, 2, {1: _of_version_1})
