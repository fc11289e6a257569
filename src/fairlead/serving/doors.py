"""What the data plane answers, and where: the list of its dialects."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.access import Gate, Sites
from fairlead.clock import Clock
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.entry import Entry
from fairlead.serving.front import Front
from fairlead.serving.protocols.feedback import Feedback
from fairlead.serving.protocols.native import Native
from fairlead.serving.protocols.oip.repository import Repository
from fairlead.serving.protocols.oip.rest import OipRest, oip_shape
from fairlead.serving.protocols.operations import Health, Operations
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Dialect, Router
from fairlead.serving.sink import LogSink
from fairlead.telemetry import Sample, expose


def make_router(
    plane: DataPlane,
    front: Front,
    sink: LogSink,
    counters: Counters,
    health: Callable[[], Health],
    samples: Callable[[], list[Sample]],
    clock: Clock,
    sites: Sites,
    gate: Gate | None,
) -> Router:
    """Everything the data plane answers.

    Args:
        plane: answers rows.
        front: takes requests to it.
        sink: takes feedback.
        counters: of the worker.
        health: tells how the worker is now.
        samples: reads all that workers counted.
        clock: for times.
        sites: that browsers may send requests from and to.
        gate: asks for keys; None while none are needed.
    """
    native = [
        *Native(front).doors(),
        *Feedback(front, sink, counters, clock).doors(),
        *Operations(plane, health, lambda: expose(samples())).doors(),
    ]
    oip = OipRest(front, Repository(plane, health, samples)).doors()
    dialects = [Dialect(native, native_shape, ()), Dialect(oip, oip_shape, ("/v2",))]
    return Router(dialects, Entry(sites, gate, front.count))


def make_rpc_doors(
    plane: DataPlane,
    front: Front,
    health: Callable[[], Health],
    samples: Callable[[], list[Sample]],
) -> Dialect:
    """What the data plane answers over gRPC; the arguments are those of `make_router`."""
    from fairlead.serving.protocols.oip.rpc import OipRpc, rpc_shape  # an optional library

    doors = OipRpc(front, Repository(plane, health, samples)).doors()
    return Dialect(doors, rpc_shape, ())
