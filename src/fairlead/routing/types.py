"""The route: which versions answer an endpoint's requests."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.records import Kind
from fairlead.signature import Signature

SLOTS = 10_000

Role = Literal["stable", "candidate", "shadow"]
AssignedBy = Literal["hash", "override", "test", "fallback"]


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
        decided_by: `human:QUEUE` where a person decides: what the arms answer is logged alone,
            and callers are given prediction ids. Empty where the arms answer.
    """

    endpoint: str
    revision: int
    signature: Signature
    arms: tuple[Arm, ...]
    prepare: tuple[VersionRef, ...] = ()
    keep: tuple[VersionRef, ...] = ()
    salt: str = ""
    shadows: tuple[Arm, ...] = ()
    decided_by: str = ""


def number_of(version: str) -> str:
    """The number in a version's name.

    Example:
        >>> number_of("churn:7")
        '7'
    """
    return version.rpartition(":")[2]


ROUTES = Kind("route", Route)
