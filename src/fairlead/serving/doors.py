"""What the data plane answers, and where: the list of its dialects."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fairlead.clock import Clock
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.entry import Entry
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.front import Front
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.protocols import mlflow, sagemaker, tfserving
from fairlead.serving.protocols.decisions import Decisions, Find
from fairlead.serving.protocols.feedback import Feedback
from fairlead.serving.protocols.lookup import LookupDoor
from fairlead.serving.protocols.native import Native
from fairlead.serving.protocols.oip.repository import Repository
from fairlead.serving.protocols.oip.rest import OipRest, oip_shape
from fairlead.serving.protocols.operations import Health, Operations
from fairlead.serving.protocols.scoring.invocations import Invocations
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Dialect, Router
from fairlead.serving.sink import LogSink
from fairlead.telemetry import Sample


def make_router(
    plane: DataPlane,
    front: Front,
    sink: LogSink,
    counters: Counters,
    health: Callable[[], Health],
    samples: Callable[[], list[Sample]],
    clock: Clock,
    entry: Entry,
    *,
    features: FeatureTables | None = None,
    tables: PrecomputedTables | None = None,
    by_key: Collection[str] = (),
    default_endpoint: str = "",
    body_bytes_max: int = 4 << 20,
    find: Find | None = None,
) -> Router:
    """Everything the data plane answers.

    Args:
        plane: answers rows.
        front: takes requests to it.
        sink: takes feedback.
        counters: of the worker.
        health: tells how the worker is now.
        samples: reads all that workers counted, and what they tell beside it.
        clock: for times.
        entry: who is let in.
        features: in which is looked up what requests leave out; None for nowhere.
        tables: in which predictions are looked up by keys; None for nowhere.
        by_key: as of `Native`.
        default_endpoint: that paths without a name mean; empty for the only one there is.
        body_bytes_max: of one request.
        find: the task of a prediction's id; None where nobody is given any.
    """
    ours = Native(front, features, tables, by_key)
    lookups = [] if tables is None else LookupDoor(front, tables).doors()
    decisions = [] if find is None else Decisions(front, find, entry.gate, clock).doors()
    native = [
        *ours.doors(),
        *lookups,
        *decisions,
        *Feedback(front, sink, counters, clock).doors(),
        *Operations(plane, health, samples, keys=entry.gate is not None, features=features).doors(),
    ]
    oip = OipRest(front, Repository(plane, health, samples)).doors()
    invocations = Invocations(front, ours.read, default_endpoint)
    scoring = mlflow.MLflow(front, invocations, health).doors()
    runtime = sagemaker.SageMaker(front, invocations, body_bytes_max).doors()
    tensorflow = tfserving.TFServing(front).doors()
    return Router(
        [
            Dialect(native, native_shape, ()),
            Dialect(oip, oip_shape, ("/v2",)),
            Dialect(scoring, mlflow.mlflow_shape, mlflow.PREFIXES),
            Dialect(runtime, sagemaker.sagemaker_shape, sagemaker.PREFIXES),
            Dialect(tensorflow, tfserving.tfserving_shape, tfserving.PREFIXES),
        ],
        entry,
    )


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
