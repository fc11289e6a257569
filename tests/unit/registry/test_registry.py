"""The registry numbers versions, never changes them, and finds them again."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from fairlead.bundle import BundleInfo, DataFacts, RunnerSpec
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.registry import Evaluated, Registry, Version
from fairlead.routing import ROUTES, Arm, Route, VersionRef
from fairlead.signature import Field, Signature
from fairlead.stats import Estimate
from fairlead.store import ABSENT, Put, Store, open_blobs, open_store

INFO = BundleInfo(
    name="churn",
    created_us=1,
    framework="made by hand",
    signature=Signature(inputs=(Field(name="age", kind="number"),), outputs=(), task="regression"),
    runner=RunnerSpec(kind="onnx", path="model.onnx"),
    data=DataFacts(rows=7, digest="d" * 64),
    parent="p" * 64,
)


@pytest.fixture
def store() -> Store:
    return open_store("memory:")


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Registry:
    return Registry(store, open_blobs(f"file://{tmp_path}/blobs"), ManualClock())


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.fairlead"
    path.write_bytes(b"bytes of a bundle")
    return path


def register(registry: Registry, archive: Path, digest: str, name: str = "churn") -> Version:
    return registry.register(archive, msgspec.structs.replace(INFO, name=name), digest)


def test_versions_are_numbered_by_model_and_keep_what_the_bundle_says(
    registry: Registry, archive: Path
) -> None:
    first, second, other = (
        register(registry, archive, "a"),
        register(registry, archive, "b"),
        register(registry, archive, "c", "fraud"),
    )
    assert [v.name for v in (first, second, other)] == ["churn:1", "churn:2", "fraud:1"]
    assert (first.lineage.rows, first.lineage.parent, first.task) == (7, "p" * 64, "regression")
    assert first.size_bytes == 17
    assert [m.name for m in registry.models()] == ["churn", "fraud"]
    assert registry.versions("churn") == [first, second]


def test_the_same_bundle_is_the_same_version(registry: Registry, archive: Path) -> None:
    assert register(registry, archive, "a") == register(registry, archive, "a")


def test_a_model_whose_name_begins_another_is_kept_apart(registry: Registry, archive: Path) -> None:
    register(registry, archive, "a", "churn-eu")
    with pytest.raises(NotFoundError):
        registry.resolve("churn")
    assert registry.versions("churn") == []


def test_versions_sort_as_numbers_do(registry: Registry, archive: Path) -> None:
    for number in range(12):
        register(registry, archive, f"d{number}")
    assert [v.number for v in registry.versions("churn")] == list(range(1, 13))
    assert registry.resolve("churn").number == 12


def test_many_may_register_at_once(tmp_path: Path, archive: Path) -> None:
    def one(name: str) -> None:
        opened = open_store(f"sqlite://{tmp_path}/store.db")
        mine = Registry(opened, open_blobs(f"file://{tmp_path}/blobs"), ManualClock())
        for place in range(5):
            register(mine, archive, f"{name}-{place}")
        opened.close()

    threads = [threading.Thread(target=one, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = open_store(f"sqlite://{tmp_path}/store.db")
    found = Registry(store, open_blobs(f"file://{tmp_path}/blobs"), ManualClock())
    assert [v.number for v in found.versions("churn")] == list(range(1, 21))
    assert len({v.digest for v in found.versions("churn")}) == 20
    store.close()


def test_the_champion_answers_the_models_own_endpoint_unless_pointed_elsewhere(
    registry: Registry, archive: Path, store: Store
) -> None:
    register(registry, archive, "a")
    register(registry, archive, "b")
    for endpoint, version in (("other", "churn:2"), ("churn", "churn:1")):
        arm = Arm("stable", VersionRef(version, "d", "b"), "stable", ((0, 10_000),))
        route = Route(endpoint, 1, registry.resolve(version).signature, (arm,))
        store.commit(Put(ROUTES, ROUTES.key(endpoint), route, ABSENT))
    assert registry.resolve("churn@champion").name == "churn:1"
    assert registry.aliases("churn") == {"champion": 1}
    registry.set_alias("churn", "champion", 2)
    assert registry.resolve("churn@champion").name == "churn:2"


def test_an_alias_moves_and_goes(registry: Registry, archive: Path, store: Store) -> None:
    register(registry, archive, "a")
    register(registry, archive, "b")
    registry.set_alias("churn", "champion", 1)
    assert registry.resolve("churn@champion").name == "churn:1"
    registry.set_alias("churn", "champion", 2)
    assert registry.resolve("churn@champion").name == "churn:2"
    registry.set_alias("churn", "champion", None)
    with pytest.raises(NotFoundError, match="no alias"):
        registry.resolve("churn@champion")
    actions = [(e.action, e.subject, e.detail.get("version")) for e in store.events()][2:]
    assert actions == [("alias", "churn@champion", n) for n in (1, 2, None)]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("chrun:1", "Did you mean 'churn'"),
        ("churn:2", "latest is churn:1"),
        ("churn:0", "no version"),
        ("churn@best", "no alias '@best'"),
    ],
)
def test_what_is_not_there_is_named(
    registry: Registry, archive: Path, reference: str, said: str
) -> None:
    register(registry, archive, "a")
    with pytest.raises(NotFoundError) as raised:
        registry.resolve(reference)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "reference", ["", ":", "churn:", "churn:x", "churn:-1", "churn:1:2", "churn@", "../x:1", "a b"]
)
def test_what_is_not_written_as_a_version_is_refused(registry: Registry, reference: str) -> None:
    with pytest.raises(ConfigError, match="does not name a version"):
        registry.resolve(reference)


def test_an_alias_is_a_word_and_points_at_what_exists(registry: Registry, archive: Path) -> None:
    register(registry, archive, "a")
    with pytest.raises(ConfigError):
        registry.set_alias("churn", "Not A Word", 1)
    with pytest.raises(NotFoundError):
        registry.set_alias("churn", "champion", 9)


def test_tags_are_added_and_replaced(registry: Registry, archive: Path) -> None:
    register(registry, archive, "a")
    registry.tag("churn:1", {"team": "growth", "stage": "test"})
    registry.tag("churn:1", {"stage": "live"})
    assert registry.resolve("churn:1").tags == {"team": "growth", "stage": "live"}


def test_evaluations_are_kept_in_order(registry: Registry, archive: Path) -> None:
    one, two = register(registry, archive, "a"), register(registry, archive, "b")
    for created_us in (5, 30, 200):
        evaluated = Evaluated(
            rows=9,
            data_digest="x",
            created_us=created_us,
            metrics={"accuracy": Estimate(0.5, 0.4, 0.6)},
        )
        registry.add_evaluation(one, evaluated)
    assert [e.created_us for e in registry.evaluations(one)] == [5, 30, 200]
    assert registry.evaluations(two) == []


def test_a_bundle_that_was_let_go_is_there_again_when_it_is_registered_again(
    registry: Registry, archive: Path, tmp_path: Path
) -> None:
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    first = register(registry, archive, "a" * 64)
    registry.let_go(first.name, "ada", "Nothing uses it.")
    assert register(registry, archive, "a" * 64) == first
    registry.let_go(first.name, "ada", "Nothing uses it.")
    registry.remove_bundle(first.name, "ada")
    assert list(blobs.keys("bundles/")) == []
    assert register(registry, archive, "a" * 64) == first
    assert list(blobs.keys("bundles/")) == [first.blob]


def test_a_bundle_is_there_as_long_as_its_version_names_it(
    store: Store, registry: Registry, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = register(registry, archive, "a" * 64)
    registry.let_go(first.name, "ada", "Nothing uses it.")

    def late(*_: object, **__: object) -> None:
        raise ConflictError("Someone else was first.")

    monkeypatch.setattr(store, "commit", late)
    with pytest.raises(ConflictError):
        registry.remove_bundle(first.name, "bob")
    assert list(open_blobs(f"file://{tmp_path}/blobs").keys("bundles/")) == [first.blob]
