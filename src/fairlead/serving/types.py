"""The values that pass between a protocol and the data plane, and what a worker reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import FairleadError, UnavailableError
from fairlead.ids import Ids
from fairlead.lookup import Row
from fairlead.precomputed import Precomputed
from fairlead.routing import AssignedBy
from fairlead.signature import Batch, Field

BEFORE = ("id", "version", "arm")
"""What stands before the model's fields in each row of a native reply."""

DECIDED = ("id", "decided_by", "version", "arm")
"""The same, of an endpoint where people decide some rows."""

SOURCED = (*BEFORE, "source", "age_s")
"""The same, of an endpoint with a ladder."""


class Filled(Batch, frozen=True, eq=False, gc=False):
    """Rows of which some fields were looked up.

    Args:
        notes: what was looked up for each row, JSON; None where nothing was.
    """

    notes: list[str | None]

    @staticmethod
    def of(batch: Batch, notes: list[str | None]) -> Filled:
        """The same rows, with what is to be noted of them."""
        return Filled(batch.rows, batch.names, batch.numbers, batch.columns, notes)

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Batch:
        """The rows at some places, in that order."""
        places = np.arange(self.rows)[rows].tolist()
        return Filled.of(super().take(rows), [self.notes[place] for place in places])


class Ask(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a protocol made of a request's body: rows that fit the endpoint's signature.

    Args:
        batch: the rows.
        units: the key that assignment sticks to, for each row; None if no row has one.
        caller_ids: the caller's own id of each row; None if no row has one.
        received_s: when the request was complete, on the monotonic clock.
        deadline_s: when the caller stops waiting, on the monotonic clock.
        version: number of the one that shall answer, `7`; empty to let the route decide.
        trace_id: of the trace that the request belongs to, W3C; None for none.
        arm: name of the one that shall answer; empty to let the route decide.
        holds: whether the caller can be given prediction ids without answers.
        keys: what was found of predictions that were made ahead; None where no row brings a key.
    """

    batch: Batch
    units: list[str | None] | None
    caller_ids: list[str | None] | None
    received_s: float
    deadline_s: float
    version: str = ""
    trace_id: str | None = None
    arm: str = ""
    holds: bool = False
    keys: Keys | None = None

    def some(self, places: list[int]) -> Ask:
        """Some of its rows."""
        return msgspec.structs.replace(
            self,
            batch=self.batch.take(np.array(places, np.intp)),
            units=self.units and [self.units[place] for place in places],
            caller_ids=self.caller_ids and [self.caller_ids[place] for place in places],
        )


class Keys(msgspec.Struct, frozen=True, eq=False):
    """What was found of predictions that were made ahead, for the rows of a request.

    Args:
        asked: of each row, whether it brings a key.
        bare: of each row, whether it brings nothing else.
        rows: that were found; None where there is none.
        made: what is known of the table; None if there is none.
        alone: whether nothing else shall answer, and the predictions may have any age.
        failed: why nothing could be looked up; None if it could.
    """

    asked: list[bool]
    bare: list[bool]
    rows: list[Row | None]
    made: Precomputed | None
    alone: bool = False
    failed: UnavailableError | None = None


T = TypeVar("T")


class Source(msgspec.Struct, frozen=True, gc=False):
    """Who answers.

    Args:
        arm: its name.
        version: its version's name.
        told: the same and its share, for the reply's header.
        rung: of the endpoint's ladder that answers, for replies; empty if there is no ladder.
        age_s: of the answers; None of those that have none.
    """

    arm: str
    version: str
    told: bytes = b""
    rung: str = ""
    age_s: float | None = None

    @staticmethod
    def of(arm: str, version: str, rung: str, age_s: float | None) -> Source:
        """Who answers on a rung of a ladder."""
        age = "" if age_s is None else f", age_s={age_s:g}"
        told = f"arm={arm}, version={version}, source={rung}{age}"
        return Source(arm, version, told.encode(), rung, age_s)


class Outputs(msgspec.Struct, eq=False):
    """What a model answered to rows that ran together; their requests share it.

    Args:
        source: who answered.
        fields: of the answers.
        batch: the answers.
        ids: the prediction ids, request by request.
        ages_s: how old each answer is that comes from a cache, None where the model has just
            given it; empty where it has given them all.
        pending: of each row, whether a person decides it, (rows,); None where people decide
            nothing.
    """

    source: Source
    fields: tuple[Field, ...]
    batch: Batch
    ids: Sequence[Ids]
    ages_s: Sequence[float | None] = ()
    pending: npt.NDArray[np.bool_] | None = None
    _views: dict[object, Any] = {}

    def view(self, make: Callable[[Outputs], T]) -> T:
        """What `make` gives for all answers; made for the first request that asks for it."""
        found = self._views.get(make)
        if found is None:
            found = self._views[make] = make(self)
        return cast(T, found)

    def some(self, start: int, ids: Ids) -> Outputs:
        """The answers to one request alone."""
        ages_s = self.ages_s[start : start + ids.count]
        some = Outputs(self.source, self.fields, self.rows(start, ids.count), [ids], ages_s)
        if self.pending is not None:
            some.pending = self.pending[start : start + ids.count]
        return some

    def rows(self, start: int, rows: int) -> Batch:
        """Some rows."""
        whole = rows == self.batch.rows
        return self.batch if whole else self.batch.take(slice(start, start + rows))


class Answered(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What one arm answered to some rows.

    Args:
        outputs: that hold the answers.
        start: of these rows in them.
        queue_s: how long the rows waited for the model.
        model_s: how long it ran.
    """

    outputs: Outputs
    start: int
    queue_s: float
    model_s: float


class Part(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The rows of a request that one arm answered.

    Args:
        places: of the rows in the request; None for all of them.
        ids: the prediction ids.
        answered: the answers.
    """

    places: list[int] | None
    ids: Ids
    answered: Answered

    @property
    def source(self) -> Source:
        """Who answered."""
        return self.answered.outputs.source

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those of the answers."""
        return self.answered.outputs.fields

    @property
    def ages_s(self) -> Sequence[float | None]:
        """How old each answer is that comes from a cache; as of `Outputs`."""
        start = self.answered.start
        return self.answered.outputs.ages_s[start : start + self.ids.count]

    @property
    def is_pending(self) -> bool:
        """Whether any of its rows waits for a person."""
        start, pending = self.answered.start, self.answered.outputs.pending
        return pending is not None and bool(pending[start : start + self.ids.count].any())

    @property
    def told(self) -> bytes:
        """Who answered, for the reply's header, and how many answers a cache did, how old ones."""
        outputs = self.answered.outputs
        told = outputs.source.told
        if not outputs.ages_s:  # as nearly always
            return told
        ages_s = [age_s for age_s in self.ages_s if age_s is not None]
        if not ages_s:
            return told
        return b"%b, cached=%d, age_s=%.3f" % (told, len(ages_s), max(ages_s))

    @property
    def outputs(self) -> Batch:
        """The answers as columns."""
        return self.answered.outputs.rows(self.answered.start, self.ids.count)


class Answer(msgspec.Struct, frozen=True, eq=False, gc=False):
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
    queue_s: float = 0.0
    model_s: float = 0.0

    def ids(self) -> list[bytes]:
        """The prediction id of each row, in the request's order."""
        ids = [b""] * self.rows
        for part in self.parts:
            places = range(self.rows) if part.places is None else part.places
            for place, raw in zip(places, part.ids.raw(), strict=True):
                ids[place] = raw
        return ids


class Held(Answer, frozen=True, eq=False, gc=False):
    """The answer of an endpoint where people decide: not all that the arms said is for callers."""


Done = Callable[[Answer | FairleadError], None]
"""Takes the answer or the reason why there is none; called exactly once."""


class Work(msgspec.Struct, frozen=True, eq=False):
    """Rows of one request on their way through one arm.

    Args:
        ask: the rows, and what is known of them.
        rows: how many there are.
        ids: the prediction ids.
        slots: the slot of each row.
        assigned_by: why they came to this arm.
        admitted_us: when, microseconds since 1970.
        done: takes the outputs or the reason why there are none.
        parents: prediction ids that the rows belong under, for each row; None for none.
    """

    ask: Ask
    rows: int
    ids: Ids
    slots: list[int]
    assigned_by: AssignedBy
    admitted_us: int
    done: Callable[[Answered | FairleadError], None]
    parents: list[bytes] | None = None


class RpcPlace(msgspec.Struct, frozen=True):
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
        memory_bytes: by digest, what each version that is loaded takes, as estimated.
        processes: by name of each version with a process of its own, the number of that.
        idle: how many endpoints are loaded only when they are asked.
        problems: what keeps it from being ready or wants an operator's eye, in words.
    """

    worker: int
    pid: int
    ready: bool = False
    draining: bool = False
    revision: int = -1
    routes: dict[str, int] = {}
    versions: dict[str, str] = {}
    memory_bytes: dict[str, int] = {}
    processes: dict[str, int] = {}
    idle: int = 0
    problems: tuple[str, ...] = ()


class FleetStatus(msgspec.Struct, frozen=True):
    """The workers, as the supervisor tells the controller.

    Args:
        workers: that are alive.
        deaths: by name of each process, how often it died and was started again.
    """

    workers: tuple[WorkerStatus, ...]
    deaths: dict[str, int] = {}
