"""A home whose endpoints have a log with labels, and attempts at updating their models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fairlead
from fairlead.app.attempt import AttemptProcess
from fairlead.app.updating.start import start
from fairlead.app.workspace import Workspace
from fairlead.predictionlog import (
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.registry import Version
from fairlead.routing import ROUTES, Arm, Route
from fairlead.schedules.attempts import LEASE_US
from fairlead.signature import Batch, from_frame
from fairlead.store import Put
from fairlead.updates.types import (
    Broken,
    Cause,
    DataSpec,
    Done,
    Gate,
    Told,
    Update,
    UpdateSpec,
    lease_of,
)
from support.models import customers, package_churn
from support.waiting import until

ROWS = 600
LATER_US = 3_600_000_000


@dataclass
class Ground:
    """A workspace, and what its processes said."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        """Where `fairlead.toml` would be."""
        return self.workspace.home.path.parent

    def write(self, module: str, text: str) -> None:
        (self.folder / f"{module}.py").write_text(text)

    def answers(self, version: Version, frame: Any, truth: Any) -> None:
        """Let a version answer an endpoint of its model's name, with rows that have labels."""
        signature, endpoint = version.signature, version.model
        arm = Arm("stable", self.workspace.ref(version), "stable", ((0, 10_000),))
        route = Route(endpoint, 1, signature, (arm,))
        self.workspace.store.commit(Put(ROUTES, ROUTES.key(endpoint), route, None))
        inputs, first_us = from_frame(signature, frame), version.created_us + 1
        ids = [i.to_bytes(16, "big") for i in range(first_us, first_us + inputs.rows)]
        writer = JournalWriter(
            self.workspace.home.journals, endpoint, self.workspace.clock, rotate_bytes=1 << 24
        )
        rows = inputs.rows
        writer.append(
            encode_prediction(
                PredictionFrame(
                    endpoint=endpoint, revision=1, arm="stable", version=version.name,
                    role="stable", assigned_by="hash", outcome="ok", source="live", model_us=10,
                    time_us=np.arange(first_us, first_us + rows), ids=ids, caller_ids=None,
                    units=None, slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
                    queue_us=np.zeros(rows, np.int32), inputs=inputs,
                    outputs=Batch(rows, (), np.zeros((rows, 0)), {}),
                )
            )
        )  # fmt: skip
        writer.append(
            encode_feedback(
                FeedbackFrame(
                    endpoint=endpoint, time_us=np.full(rows, first_us + rows),
                    received_us=first_us + rows, ids=ids, names=["label"] * rows,
                    values=[v.item() if hasattr(v, "item") else v for v in truth], source="api",
                )
            )
        )  # fmt: skip
        writer.close()

    def begin(
        self, train: str, *, endpoint: str = "churn", id: str = "1", mode: Any = "scratch",  # noqa: A002
        causes: tuple[Cause, ...] = (), **spec: Any,
    ) -> AttemptProcess[Told]:  # fmt: skip
        """Start an attempt."""
        created_us = self.workspace.clock.now_us() + LATER_US
        update = Update(
            id=id, endpoint=endpoint, causes=causes, created_us=created_us, due_us=created_us,
            mode=mode,
        )  # fmt: skip
        usual: dict[str, Any] = {"gate": Gate(holdout=0.25), "data": DataSpec(log=endpoint)}
        asked = UpdateSpec(
            endpoint=endpoint, train=train, folder=str(self.folder), **(usual | spec)
        )
        lease = lease_of(endpoint)
        held = self.workspace.store.acquire(lease, id, self.workspace.clock.now_us(), LEASE_US)
        assert held
        return start(self.workspace, asked, update, lease, id)

    def ran(self, train: str, **asked: Any) -> tuple[Done | Broken, str]:
        """What came of an attempt, and what its process wrote."""
        process = self.begin(train, **asked)
        lines: list[str] = []
        try:
            told = until(lambda: ended(process, lines), "its end")
            assert isinstance(told, Done | Broken)
        finally:
            process.close()
            self.free(asked.get("endpoint", "churn"), asked.get("id", "1"))
        return told, "\n".join(lines)

    def free(self, endpoint: str = "churn", holder: str = "1") -> None:
        self.workspace.store.release(lease_of(endpoint), holder)

    def left_over(self) -> list[str]:
        """What lies in the cache that is no bundle."""
        return [p.name for p in self.workspace.home.cache.iterdir() if len(p.name) != 64]


def ended(process: AttemptProcess[Told], lines: list[str]) -> Done | Broken | None:
    told = process.look()
    lines.extend(process.lines())
    return told if isinstance(told, Done | Broken) else None


def make_empty(folder: Path) -> Ground:
    """A home without endpoints."""
    return Ground(Workspace(folder / ".fairlead"))


def make_ground(folder: Path) -> Ground:
    """A home in which `churn:1` answers, of which it is known who left."""
    ground = make_empty(folder)
    version = package_churn(folder / ".fairlead")
    frame, left = customers(ROWS, seed=8)
    ground.answers(version, frame, left)
    return ground


def add_plain(ground: Ground) -> None:
    """An endpoint `plain` whose model was fitted on a matrix, and can be fitted on."""
    from sklearn.linear_model import SGDClassifier

    random = np.random.default_rng(3)
    X = random.normal(size=(ROWS, 2))
    y = (X[:, 0] + random.normal(0, 0.5, ROWS) > 0).astype(int)
    model = SGDClassifier(loss="log_loss", random_state=1).fit(X[:200], y[:200])
    home = ground.workspace.home.path
    version = fairlead.package(model, X[:200], y[:200], name="plain", home=home)
    ground.answers(version, X, y)
