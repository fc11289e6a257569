"""Bundles of superseded checkpoints are removed; none that something could load."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.app.batch import run_batch
from fairlead.app.learning.prune import EVERY_S, Pruner
from fairlead.app.learning.versions import WorkspaceVersions
from fairlead.app.monitoring import promise_of
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.bundle import Learned, RowRange
from fairlead.clock import ManualClock
from fairlead.errors import NotFoundError
from fairlead.learning import LEARNERS, OnlineSpec
from fairlead.learning.decide import begin
from fairlead.releases import RELEASES, Release
from fairlead.routing import ROUTES, Arm, Route
from fairlead.signature import from_frame
from fairlead.store import Put
from support.online import package_online, rows_and_labels

SPEC = OnlineSpec(endpoint="tide", keep=2)


class Kept:
    """A learner with eight checkpoints, tide:2 to tide:9, of which the newest answers."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.workspace = Workspace(folder / ".fairlead", self.clock)
        package_online(folder / ".fairlead")
        versions = WorkspaceVersions(self.workspace)
        X, y = rows_and_labels(24, 5)
        batch = from_frame(self.workspace.registry.resolve("tide").signature, X)
        parent, student = "tide:1", versions.load("tide:1")
        for number in range(8):
            truth = (y == "yes").astype(int)
            student.learn(batch, truth, f"piece {number}")
            learned = Learned(log="tide", base="tide:1", labels=24, since=RowRange(rows=24))
            parent = versions.save(student, batch, parent, "Learnt.", learned)
            self.clock.advance(60)
        first = begin(SPEC, "tide:1", (), self.clock.now_us())
        learner = replace(first, version="tide:9", answers="tide:9", good="tide:4")
        self.route = self.of("tide:9", keep=("tide:8",))
        self.workspace.store.commit(
            Put(LEARNERS, LEARNERS.key("tide"), learner, None),
            Put(ROUTES, ROUTES.key("tide"), self.route, None),
        )
        self.pruner = Pruner(self.workspace, (SPEC,))

    def of(self, name: str, keep: tuple[str, ...] = ()) -> Route:
        version = self.workspace.registry.resolve(name)
        arm = Arm("stable", self.workspace.ref(version), "stable", ((0, 10_000),))
        refs = tuple(self.workspace.ref(self.workspace.registry.resolve(one)) for one in keep)
        return Route("tide", 1, version.signature, (arm,), keep=refs)

    def release(self, name: str, before: str) -> None:
        version = self.workspace.registry.resolve(name)
        now_us = self.clock.now_us()
        release = Release(
            id="r1", endpoint="other", version=self.workspace.ref(version),
            signature=version.signature, actor="ada", created_us=now_us, changed_us=now_us,
            state="requested", before=self.of(before),
        )  # fmt: skip
        self.workspace.store.commit(Put(RELEASES, RELEASES.key("other", "r1"), release, None))

    def hour(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(EVERY_S)
            self.pruner.tick()

    @property
    def there(self) -> list[int]:
        """Numbers of the versions whose bundles are there."""
        return [
            one.number
            for one in self.workspace.registry.versions("tide")
            if one.blob and one.blob in self.workspace.blobs.keys("bundles/")
        ]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


def test_checkpoints_that_nothing_uses_are_let_go_and_then_removed(
    kept: Kept, tmp_path: Path
) -> None:
    workspace, registry = kept.workspace, kept.workspace.registry
    kept.hour(20)
    assert kept.there == [1, 2, 3, 4, 5, 6, 7, 8, 9]  # none is older than a day
    registry.set_alias("tide", "favourite", 2)
    kept.release("tide:3", before="tide:5")
    promised = promise_of(workspace, "tide:6")
    kept.hour(32)
    gone = [one.number for one in registry.versions("tide") if one.let_go_us is not None]
    assert gone == [6, 7]  # not the alias's, the release's, the good one, the newest, what answers
    assert kept.there == [1, 2, 3, 4, 5, 8, 9]
    actions = [(e.action, e.subject) for e in workspace.store.events() if e.actor == "online"]
    assert actions[-4:] == [
        ("let go", "tide:6"), ("let go", "tide:7"),
        ("remove bundle", "tide:6"), ("remove bundle", "tide:7"),
    ]  # fmt: skip
    again = promise_of(workspace, "tide:6")
    assert again.profile == promised.profile  # which monitoring goes on to compare with
    assert (again.metrics, again.rows) == (promised.metrics, promised.rows)
    with pytest.raises(NotFoundError, match="tide:6 was let go"):
        workspace.ref(registry.resolve("tide:6"))
    with pytest.raises(NotFoundError, match="tide:6 was let go"):
        workspace.bundle(registry.resolve("tide:6"))
    job = Job(version="tide:6", inputs=(str(tmp_path / "rows.csv"),), output=str(tmp_path / "out"))
    with pytest.raises(NotFoundError, match="tide:6 was let go"):
        run_batch(workspace, job, lambda _: None)


def test_one_that_is_in_use_again_before_it_is_removed_is_taken_back(kept: Kept) -> None:
    registry = kept.workspace.registry
    registry.set_alias("tide", "favourite", 2)
    kept.hour(30)
    registry.set_alias("tide", "favourite", None)
    kept.hour()
    assert registry.resolve("tide:2").let_go_us is not None
    assert 2 in kept.there
    registry.set_alias("tide", "favourite", 2)  # someone was quick
    kept.hour(3)
    assert registry.resolve("tide:2").let_go_us is None
    assert 2 in kept.there
    assert kept.workspace.bundle(registry.resolve("tide:2")).info.name == "tide"


def test_a_clock_that_is_set_ahead_removes_nothing_that_was_let_go_just_now(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.hour(26)
    assert 2 in kept.there
    assert kept.workspace.registry.resolve("tide:2").let_go_us is not None
    kept.clock.set(kept.clock.now_us() + 366 * 86_400_000_000)
    Pruner(kept.workspace, (SPEC,)).tick()  # of a controller that begins anew
    assert 2 in kept.there
