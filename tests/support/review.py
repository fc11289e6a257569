"""An endpoint whose predictions wait for people, and rows of it on a log."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from fairlead.ids import text
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.review import PLACES, TASKS, Place, Task
from fairlead.routing import ROUTES, Arm, Automation, Route, VersionRef
from fairlead.signature import Batch, Field, Signature
from fairlead.store import ABSENT, Put, Store
from support.log import START_US, id_of

SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"),),
    outputs=(Field(name="label", kind="category", categories=("left", "stayed")),),
    task="classification",
)
ARM = Arm("stable", VersionRef("churn:1", "d1", "blobs/1"), "stable", ((0, 10_000),))


def route(endpoint: str = "churn", signature: Signature = SIGNATURE, **automation: Any) -> Route:
    return Route(endpoint, 1, signature, (ARM,), automation=Automation(**automation))


def put_route(store: Store, value: Route) -> None:
    store.commit(Put(ROUTES, ROUTES.key(value.endpoint), value, None))


def rows(first: int, count: int = 1, *, decided_by: str | None = "pending",
         endpoint: str = "churn", inputs: Batch | None = None, **fields: Any) -> bytes:  # fmt: skip
    """Predictions with the numbers `first` and up, all answered `left`."""
    x = np.arange(first, first + count, dtype=np.float64)
    given: dict[str, Any] = {
        "role": "stable", "assigned_by": "hash", "outcome": "ok", "source": "live",
        "mode": "shadow" if decided_by == "pending" else "full",
        "time_us": np.arange(first, first + count, dtype=np.int64) + START_US,
        "caller_ids": None, "units": None, "version": "churn:1", "arm": "stable",
        "outputs": Batch(count, (), np.zeros((count, 0)),
                         {"label": np.array(["left"] * count, dtype=object)}),
    }  # fmt: skip
    return encode_prediction(
        PredictionFrame(
            endpoint=endpoint, revision=1, model_us=10,
            ids=[id_of(n) for n in range(first, first + count)],
            slots=np.zeros(count, np.int16), propensity=np.ones(count),
            queue_us=np.zeros(count, np.int32),
            inputs=inputs or Batch(count, ("x",), x[:, None], {}),
            decided_by=None if decided_by is None else [decided_by] * count,  # type: ignore[list-item]
            **{**given, **fields},
        )
    )  # fmt: skip


def name(number: int) -> str:
    """The id of a prediction by its number."""
    return text(id_of(number))


def enter(store: Store, *numbers: int, queue: str = "churn", **fields: Any) -> None:
    """Put tasks into a queue."""
    for number in numbers:
        task = Task(
            id=name(number), endpoint="churn", queue=queue, version="churn:1",
            created_us=START_US + number, inputs={"x": float(number)}, guess={"label": "left"},
            mode="shadow",
        )  # fmt: skip
        task = replace(task, **fields)
        store.commit(
            Put(TASKS, TASKS.key(task.id), task, ABSENT),
            Put(
                PLACES,
                PLACES.key(queue, task.id),
                Place(id=task.id, endpoint=task.endpoint),
                ABSENT,
            ),
        )
