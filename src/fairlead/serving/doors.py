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
from fairlead.serving.protocols.operations import Health, Operations
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Dialect, Router
from fairlead.serving.sink import LogSink


def make_router(
    plane: DataPlane,
    front: Front,
    sink: LogSink,
    counters: Counters,
    health: Callable[[], Health],
    exposition: Callable[[], str],
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
        exposition: makes the text of `/metrics`, of all workers.
        clock: for times.
        sites: that browsers may send requests from and to.
        gate: asks for keys; None while none are needed.
    """
    native = [
        *Native(front).doors(),
        *Feedback(front, sink, counters, clock).doors(),
        *Operations(plane, health, exposition).doors(),
    ]
    return Router([Dialect(native, native_shape, ())], Entry(sites, gate, front.count))
