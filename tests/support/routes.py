"""Routes, versions and runners made by hand, for tests of the data plane."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from fairlead.batching import Lane
from fairlead.routing import ROUTES, SLOTS, Arm, Route, VersionRef
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.signature import Batch, Field, Signature
from fairlead.store import Put
from fairlead.store.memory import MemoryStore

SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"),), outputs=(Field(name="prediction", kind="number"),)
)


def version(number: int, model: str = "m") -> VersionRef:
    return VersionRef(f"{model}:{number}", f"{model}-digest-{number}", f"blobs/{model}/{number}")


def route(
    endpoint: str, revision: int, *arms: VersionRef, prepare: tuple[VersionRef, ...] = (),
    keep: tuple[VersionRef, ...] = (),
) -> Route:  # fmt: skip
    """A route whose arms share the slots evenly."""
    share = SLOTS // max(1, len(arms))
    made = tuple(
        Arm(f"arm{place}", ref, "stable", ((place * share, (place + 1) * share),))
        for place, ref in enumerate(arms)
    )
    return Route(endpoint, revision, SIGNATURE, made, prepare=prepare, keep=keep)


def put_route(store: MemoryStore, value: Route) -> None:
    store.commit(Put(ROUTES, ROUTES.key(value.endpoint), value, None))


class FakeRunner:
    """Answers what a function makes of each batch."""

    blocking = False

    def __init__(self, answer: Callable[[Batch], Batch]) -> None:
        self._answer = answer
        self.closed = 0

    def predict(self, batch: Batch) -> Batch:
        assert not self.closed, "asked after it was closed"
        return self._answer(batch)

    def process_id(self) -> int:
        return 0

    def close(self) -> None:
        self.closed += 1


def double(batch: Batch) -> Batch:
    """Twice each row's `x`."""
    return Batch(batch.rows, ("prediction",), batch.numbers * 2, {})


def zeros(batch: Batch) -> Batch:
    """Zero for each row."""
    return Batch(batch.rows, ("prediction",), np.zeros((batch.rows, 1)), {})


def numbers(*values: float) -> Batch:
    """Rows of the field `x`."""
    return Batch(len(values), ("x",), np.array(values, dtype=np.float64).reshape(-1, 1), {})


class FakeLoader:
    """Loads at once; a version's load can be held back, or made to fail.

    Attributes:
        held: by digest, what a load waits for.
        fails: by digest, what a load raises.
        loads: the digests that were loaded, in order.
        runners: by digest, the last one made.
        size_bytes: that each version takes.
    """

    def __init__(self) -> None:
        self.held: dict[str, threading.Event] = {}
        self.fails: dict[str, Exception] = {}
        self.loads: list[str] = []
        self.runners: dict[str, FakeRunner] = {}
        self.size_bytes = 0

    def load(self, ref: VersionRef, _: str) -> LoadedVersion:
        self.loads.append(ref.digest)
        if ref.digest in self.held:
            assert self.held[ref.digest].wait(10)
        if ref.digest in self.fails:
            raise self.fails[ref.digest]
        runner = self.runners[ref.digest] = FakeRunner(double)
        return LoadedVersion(
            ref,
            SIGNATURE.outputs,
            runner,
            Lane(),
            size_bytes=self.size_bytes,
            used_s=1e6 + len(self.loads),
        )
