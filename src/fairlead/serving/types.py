"""The values that pass between a protocol and the data plane, and what a worker reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from fairlead.errors import FairleadError
from fairlead.routing import AssignedBy
from fairlead.signature import Batch, Field


@dataclass(frozen=True, slots=True)
class Ask:
    """What a protocol made of a request's body: rows that fit the endpoint's signature.

    Args:
        batch: the rows.
        units: the key that assignment sticks to, for each row; None if no row has one.
        caller_ids: the caller's own id of each row; None if no row has one.
        received_s: when the request was complete, on the monotonic clock.
        deadline_s: when the caller stops waiting, on the monotonic clock.
        version: number of the one that shall answer, `7`; empty to let the route decide.
    """

    batch: Batch
    units: list[str | None] | None
    caller_ids: list[str | None] | None
    received_s: float
    deadline_s: float
    version: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a request that one arm answered.

    Args:
        places: of the rows in the request; None for all of them.
        arm: that answered.
        version: that answered.
        ids: the prediction ids, 16 bytes each.
        fields: the version's outputs.
        outputs: the answers.
    """

    places: list[int] | None
    arm: str
    version: str
    ids: list[bytes]
    fields: tuple[Field, ...]
    outputs: Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a whole request.

    Args:
        endpoint: that answered.
        revision: of its route.
        rows: of the request.
        parts: which together hold every row.
        queue_s: the longest that a part waited for its model.
        model_s: the longest that a part's model ran.
    """

    endpoint: str
    revision: int
    rows: int
    parts: tuple[Part, ...]
    queue_s: float
    model_s: float


Done = Callable[[Answer | FairleadError], None]
"""Takes the answer or the reason why there is none; called exactly once."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one arm answered to some rows.

    Args:
        outputs: the answers.
        queue_s: how long the rows waited for the model.
        model_s: how long it ran.
    """

    outputs: Batch
    queue_s: float
    model_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """Rows of one request on their way through one arm.

    Args:
        batch: the rows.
        ids: the prediction ids, 16 bytes each.
        units: as in `Ask`, of these rows.
        caller_ids: as in `Ask`, of these rows.
        slots: the slot of each row.
        assigned_by: why they came to this arm.
        admitted_us: when, microseconds since 1970.
        received_s: as in `Ask`.
        deadline_s: as in `Ask`.
        done: takes the outputs or the reason why there are none.
    """

    batch: Batch
    ids: list[bytes]
    units: list[str | None] | None
    caller_ids: list[str | None] | None
    slots: list[int]
    assigned_by: AssignedBy
    admitted_us: int
    received_s: float
    deadline_s: float
    done: Callable[[Answered | FairleadError], None]

    @property
    def rows(self) -> int:
        """How many rows it brings."""
        return self.batch.rows


@dataclass(frozen=True, slots=True)
class RpcPlace:
    """Where gRPC is spoken.

    Args:
        address: `127.0.0.1:8082`.
        tls: the private key and the certificate chain, PEM; None for plain connections.
    """

    address: str
    tls: tuple[bytes, bytes] | None = None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker tells the supervisor, about once a second and at each change.

    Args:
        worker: its place, from 0.
        pid: of its process.
        ready: whether it answers every endpoint that has a route.
        draining: whether it has stopped accepting.
        revision: of the store that it has seen; keys are in force as of it.
        routes: the revision in force for each endpoint.
        versions: by digest, `loading`, `ready` or why it failed.
        problems: what keeps it from being ready or wants an operator's eye, in words.
    """

    worker: int
    pid: int
    ready: bool = False
    draining: bool = False
    revision: int = -1
    routes: dict[str, int] = {}
    versions: dict[str, str] = {}
    problems: tuple[str, ...] = ()


class FleetStatus(msgspec.Struct, frozen=True):
    """The workers that are alive, as the supervisor tells the controller."""

    workers: tuple[WorkerStatus, ...]
