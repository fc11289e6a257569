"""A batch that takes long runs beside the loop: by its rows, not by what one row takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.batching import Lane
from fairlead.clock import ManualClock
from fairlead.serving.loading.versions import ON_LOOP_S_MAX, VersionLoader
from fairlead.signature import Batch
from support.plane import PlaneInProcess
from support.reply import Reply
from support.routes import SIGNATURE, double

PATH = "/v1/endpoints/{}/predict"
ROWS_ON_LOOP = 100
MANY = {"rows": [{"x": float(n)} for n in range(ROWS_ON_LOOP + 1)]}
ONE = {"rows": [{"x": 1.0}]}


class Gate:
    """A model that notes its thread, and waits beside the loop until it may go on."""

    def __init__(self) -> None:
        self.loop_thread = threading.get_ident()
        self.began, self.go = threading.Event(), threading.Event()
        self.ran: list[tuple[int, bool]] = []

    def __call__(self, batch: Batch) -> Batch:
        here = threading.get_ident() == self.loop_thread
        self.ran.append((batch.rows, here))
        self.began.set()
        if not here:
            assert self.go.wait(20)
        return double(batch)


@pytest.fixture
def model() -> Gate:
    return Gate()


@pytest.fixture
def plane(tmp_path: Path, model: Gate) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane, closing(Lane(ROWS_ON_LOOP)) as lane:
        plane.serve("quick", SIGNATURE, model, lane=lane)
        plane.serve("other", SIGNATURE, double)
        try:
            yield plane
        finally:
            model.go.set()


def answers(reply: Reply) -> list[float]:
    assert reply.status == 200, reply.body
    return [row["prediction"] for row in reply.json["predictions"]]


def test_a_few_rows_of_a_quick_model_run_on_the_loop(plane: PlaneInProcess, model: Gate) -> None:
    assert answers(plane.ask(PATH.format("quick"), ONE)) == [2.0]
    few = {"rows": MANY["rows"][:ROWS_ON_LOOP]}
    assert len(answers(plane.ask(PATH.format("quick"), few))) == ROWS_ON_LOOP
    assert model.ran == [(1, True), (ROWS_ON_LOOP, True)]


def test_while_many_rows_of_a_quick_model_run_others_and_health_are_answered(
    plane: PlaneInProcess, model: Gate
) -> None:
    async def scenario() -> None:
        many = asyncio.create_task(plane.asking(PATH.format("quick"), MANY))
        while not model.began.is_set():
            await asyncio.sleep(0)
        one = asyncio.create_task(plane.asking(PATH.format("quick"), ONE))
        assert answers(await plane.asking(PATH.format("other"), ONE)) == [2.0]
        assert (await plane.asking("/health/live")).status == 200
        assert not many.done()
        assert not one.done()  # its rows come after theirs, as they always do
        model.go.set()
        assert answers(await many) == [2.0 * n for n in range(ROWS_ON_LOOP + 1)]
        assert answers(await one) == [2.0]
        assert answers(await plane.asking(PATH.format("quick"), ONE)) == [2.0]

    plane.loop.run_until_complete(scenario())
    assert model.ran[0] == (ROWS_ON_LOOP + 1, False)
    assert model.ran[-1] == (1, True), "the thread is idle again"


class Ticking(ManualClock):
    """A clock on which everything that is timed takes one time."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self._step_s = step_s

    def monotonic_s(self) -> float:
        self.advance(self._step_s)
        return super().monotonic_s()


def test_a_version_is_measured_when_it_is_loaded(tmp_path: Path) -> None:
    features = np.arange(40.0).reshape(-1, 2)
    model = LinearRegression().fit(features, features[:, 0])
    ref = fairlead.package(model, features, features[:, 0], name="line", home=tmp_path / "home")
    workspace = Workspace(tmp_path / "home")
    for step_s, on_loop in ((ON_LOOP_S_MAX / 2, True), (ON_LOOP_S_MAX * 2, False)):
        loader = VersionLoader(workspace.bundles, Ticking(step_s), python_timeout_s=10.0)
        loaded = loader.load(workspace.ref(workspace.registry.resolve(ref.name)), "line")
        assert loaded.lane.has_loop == on_loop
        loaded.close()
    workspace.close()


def test_a_version_that_takes_texts_runs_beside_the_loop_as_one_may_be_long(tmp_path: Path) -> None:
    said = [f"{word} for the {place}th time" for place in range(200) for word in ("good", "bad")]
    rows = pd.DataFrame({"note": said})
    words = make_column_transformer((TfidfVectorizer(), "note"))
    model = make_pipeline(words, LogisticRegression()).fit(rows, [1, 0] * 200)
    ref = fairlead.package(model, rows, name="notes", home=tmp_path / "home")
    assert ref.runner == "onnx"
    workspace = Workspace(tmp_path / "home")
    loader = VersionLoader(workspace.bundles, Ticking(ON_LOOP_S_MAX / 2), python_timeout_s=10.0)
    loaded = loader.load(workspace.ref(workspace.registry.resolve(ref.name)), "notes")
    assert not loaded.lane.has_loop
    loaded.close()
    workspace.close()
