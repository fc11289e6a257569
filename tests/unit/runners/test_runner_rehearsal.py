"""A version is warmed by what callers asked lately, and nothing of that ends its load."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.runners import Runner
from fairlead.runners.load import REHEARSE_S, rehearse
from fairlead.serving.loading.versions import VersionLoader
from fairlead.signature import Batch

CODE = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        with open({told!r}, "a") as file:
            file.write(str(batch["x"].tolist()).replace(" ", "") + " ")
        return batch["x"] * 2
"""


class Noting:
    """Notes what it is asked; each question takes a while, and some are too much for it."""

    def __init__(self, clock: ManualClock, takes_s: float = 0.0, fails_at: int = -1) -> None:
        self.asked: list[float] = []
        self._clock, self._takes_s, self._fails_at = clock, takes_s, fails_at

    def predict(self, batch: Batch) -> Batch:
        self.asked.append(float(batch.numbers[0, 0]))
        self._clock.advance(self._takes_s)
        if len(self.asked) - 1 == self._fails_at:
            raise RuntimeError("planted")
        return batch


def batches(count: int) -> list[Batch]:
    return [Batch(1, ("x",), np.full((1, 1), float(n)), {}) for n in range(count)]


def test_it_is_asked_all_of_it_in_order() -> None:
    runner = Noting(ManualClock())
    assert rehearse(cast(Runner, runner), batches(5), ManualClock()) == 5
    assert runner.asked == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_what_it_fails_at_is_left_to_guards() -> None:
    runner = Noting(ManualClock(), fails_at=2)
    assert rehearse(cast(Runner, runner), batches(5), ManualClock()) == 4


def test_a_slow_one_is_not_held_up_for_long() -> None:
    clock = ManualClock()
    runner = Noting(clock, takes_s=REHEARSE_S / 2)
    assert rehearse(cast(Runner, runner), batches(50), clock) == 3


def test_a_version_is_asked_what_its_endpoint_was_asked_before_it_is_ready(tmp_path: Path) -> None:
    code, told = tmp_path / "code", tmp_path / "asked"
    code.mkdir()
    (code / "model.py").write_text(CODE.format(told=str(told)))
    ref = fairlead.package(code, [{"x": 1.0}, {"x": 2.0}], name="churn", home=tmp_path / "home")
    workspace = Workspace(tmp_path / "home")
    told.unlink()
    loader = VersionLoader(
        workspace.bundles, workspace.clock, python_timeout_s=10.0,
        recent=lambda name: batches(9)[7:] if name == "churn" else [],
    )  # fmt: skip
    for endpoint, rehearsed in (("other", 0), ("churn", 2)):
        loader.load(workspace.ref(workspace.registry.resolve(ref.name)), endpoint).close()
        asked = told.read_text().split()
        assert (asked.count("[7.0]") + asked.count("[8.0]")) == rehearsed
        assert "[1.0]" in asked or "[1.0," in asked, "the receipt is replayed, too"
    workspace.close()
