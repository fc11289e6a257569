"""River's models as states: they learn on as they would have, and no code is in what is read."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead.bundle import Bundle, KeyRing
from fairlead.clock import ManualClock
from fairlead.errors import BundleError, ExportError
from fairlead.packaging import make_bundle
from fairlead.runners.load import load_runner, replay
from fairlead.runners.river.names import PACKAGES, find, name_of
from fairlead.runners.river.read import read_state
from fairlead.runners.river.write import write_state
from fairlead.runners.trainable import load_trainable
from fairlead.signature import from_frame

river = pytest.importorskip("river", reason="river is not installed")

from support.river import labels_of, learners, rows_and_targets, taught  # noqa: E402

SERVED = ("logistic", "linear", "softmax", "pa", "adaptive", "arf", "leveraging", "words")


def again(model: object) -> Any:
    return read_state(write_state(model, river.__version__))


def answers(model: Any, rows: list[dict[str, Any]]) -> list[Any]:
    return [model.predict_one(row) for row in rows]


def equal(one: list[Any], two: list[Any]) -> bool:
    if isinstance(one[0], float):
        return bool(np.allclose(one, two, rtol=1e-9, atol=1e-9))  # sums over sets of names
    return one == two


@pytest.mark.parametrize("name", learners())
def test_a_state_learns_on_as_the_model_does(name: str) -> None:
    model, kind, _, _ = taught(name)
    loaded = again(model)
    rows, targets = rows_and_targets(120, seed=8)
    assert equal(answers(model, rows[:40]), answers(loaded, rows[:40]))
    for row, label in zip(rows, labels_of(kind, targets), strict=True):
        model.learn_one(row, label)
        loaded.learn_one(row, label)
    assert equal(answers(model, rows), answers(loaded, rows))


def test_parts_that_are_shared_stay_one_and_circles_close() -> None:
    from river import stats

    mean = stats.Mean()
    circle: dict[Any, Any] = {"one": [mean, mean], (1, "two"): {3, 4}, "big": 1 << 90}
    circle["self"] = circle
    loaded = again(circle)
    assert loaded["one"][0] is loaded["one"][1]
    assert loaded["self"] is loaded
    assert (loaded[1, "two"], loaded["big"]) == ({3, 4}, 1 << 90)


def package(model: Any, rows: Any, labels: Any, folder: Path) -> Any:
    return make_bundle(
        model, rows, labels, name="m", keys=KeyRing(folder / "keys"), clock=ManualClock(),
        folder=folder, fields={},
    )  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_it_is_packaged_proven_and_served(name: str, tmp_path: Path) -> None:
    model, kind, rows, labels = taught(name, 160)
    with package(model, rows, labels, tmp_path) as bundle:
        info = bundle.info
        assert (info.runner.kind, info.runner.frame) == ("river", "rows")
        assert info.trainable is not None
        assert info.trainable.format == "river"
        assert info.framework.startswith(f"river {river.__version__} ")
        assert info.environment["river"] == river.__version__
        assert any("no code" in note for note in info.notes)
        runner = load_runner(bundle)
        replay(runner, bundle)
        served = runner.predict(from_frame(info.signature, rows[:20]))
        runner.close()
        trainable = load_trainable(bundle)
    field = "prediction" if kind == "number" else "label"
    assert equal(answers(model, rows[:20]), served.column(field).tolist())
    trainable.learn_one(rows[0], labels[0])
    if kind != "number" and name not in ("pa",):
        shares = served.column("probabilities")
        expected = model.predict_proba_one(rows[0])
        names = info.signature.outputs[1].categories
        assert shares[0] == pytest.approx([expected.get(each, 0.0) for each in names])


def test_missing_values_are_left_out_or_filled_in_as_the_model_does(tmp_path: Path) -> None:
    from river import compose, linear_model, preprocessing, stats

    rows: list[dict[str, Any]] = [{"a": float(i % 7), "b": float(i % 5)} for i in range(80)]
    rows[3]["b"] = None
    labels = [bool(i % 7 > 3) for i in range(80)]
    filling = compose.Pipeline(
        preprocessing.StatImputer(("b", stats.Mean())), linear_model.LogisticRegression()
    )
    leaving = compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    for model, expected in ((filling, {"a": 2.0, "b": None}), (leaving, {"a": 2.0})):
        for row, label in zip(rows, labels, strict=True):
            known = {k: v for k, v in row.items() if v is not None or model is filling}
            model.learn_one(known, label)
        with package(model, rows, labels, tmp_path) as bundle:
            assert bundle.info.signature.inputs[1].missing == "allow"
            runner = load_runner(bundle)
            batch = from_frame(bundle.info.signature, [{"a": 2.0, "b": None}])
            served = runner.predict(batch).column("probabilities")[0, 1]
            assert served == pytest.approx(model.predict_proba_one(expected)[True])


def own(row: dict[str, Any]) -> dict[str, Any]:
    return row


def test_what_has_no_safe_form_is_refused_by_its_name(tmp_path: Path) -> None:
    from river import cluster, compose, linear_model, tree

    rows, targets = rows_and_targets(40)
    numbers = [{name: row[name] for name in "abc"} for row in rows]
    labels = labels_of("two", targets)
    model = compose.FuncTransformer(own) | linear_model.LogisticRegression()
    for row, label in zip(numbers, labels, strict=True):
        model.learn_one(row, label)
    with (
        pytest.raises(ExportError, match=r"It holds .*test_runner_river\.own"),
        package(model, numbers, labels, tmp_path),
    ):
        pass
    with (
        pytest.raises(ExportError, match="KMeans of river is neither a classifier nor a regressor"),
        package(cluster.KMeans(), numbers, None, tmp_path),
    ):
        pass
    with (
        pytest.raises(ExportError, match="Which classes HoeffdingTreeClassifier of river tells"),
        package(tree.HoeffdingTreeClassifier(), numbers, [True] * 40, tmp_path),
    ):
        pass


HARMFUL = ("os:system", "builtins:eval", "subprocess:Popen", "river.datasets.base:FileDataset",
    "river.stream.iter_csv:iter_csv", "river.compat.sklearn_to_river:convert_sklearn_to_river",
    "river.utils.rolling:typing.Any", "river.tree.base:", "river.base:os.system",
    "river.utils.random:random.Random", "river", "river.", "",
    "river.base.base:_log_method_calls", "river.base.base:Base.clone",
    "river.utils.rolling:BaseRolling.__getattr__",
    "river.compose.func:FuncTransformer.transform_one")  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_but_what_river_defines_is_found(name: str) -> None:
    with pytest.raises(LookupError):
        find(name)


def test_every_vetted_package_is_there_and_its_types_are_found_again() -> None:
    for package in PACKAGES:
        module = importlib.import_module(f"river.{package}")
        for thing in vars(module).values():
            if isinstance(thing, type) and thing.__module__.startswith(f"river.{package}"):
                name = name_of(thing)
                assert name is not None
                assert find(name) is thing


@pytest.mark.parametrize(
    "node",
    [
        ["name", "os:system"],
        ["native", "os:system", None, "true"],
        ["native", "river.tree.base:Tree", b""],
        ["partial", [0], []],
        ["tuple", [0]],
        ["tuple", [7]],
        ["tuple", [-1]],
        ["object", 0],
        ["array", "|O8", [1], b"12345678"],
        ["method", "text", "upper"],
        ["dict", "odd"],
        ["code", "print(1)"],
        [],
    ],
)
def test_a_state_that_was_made_up_is_refused(node: list[Any]) -> None:
    state = {"format": 1, "river": "0", "root": [0], "nodes": [node], "shapes": []}
    with pytest.raises(BundleError):
        read_state(msgspec.msgpack.encode(state))


ROLLING, FUNC = "river.utils.rolling:Rolling", "river.compose.func:FuncTransformer"
KEYS = ["array", "<u4", [624], bytes(2496), "C"]


@pytest.mark.parametrize(
    ("nodes", "shapes"),
    [
        ([["method", [1], "__getattr__"], ["object", 0, [2]], ["list"]], [[ROLLING, "obj"]]),
        ([["method", [1], "clone"], ["object", 0, [2]], ["list"]], [[FUNC, "func"]]),
        ([["object", 0, [1]], ["name", "copy.deepcopy"]], [[FUNC, "__reduce_ex__"]]),
        ([["object", 0, [1]], ["name", "copy.deepcopy"]], [[FUNC, "__deepcopy__"]]),
        ([["object", 0, [1]], ["name", "copy.deepcopy"]], [[FUNC, "transform_one"]]),
        ([["object", 0, [1]], ["name", "builtins.set"]], [[FUNC, "_supervised"]]),
        ([["numpy random", [1], 1 << 30, 0, 0.0], KEYS], []),
        ([["numpy random", [1], -1, 0, 0.0], KEYS], []),
    ],
)
def test_nothing_that_a_state_holds_takes_the_place_of_code(
    nodes: list[Any], shapes: list[Any]
) -> None:
    state = {"format": 1, "river": "0", "root": [0], "nodes": nodes, "shapes": shapes}
    with pytest.raises(BundleError):
        read_state(msgspec.msgpack.encode(state))


def test_a_state_cannot_make_its_way_to_what_python_can_do() -> None:
    """From a function of river's to its globals, where all of Python is."""
    state = {
        "format": 1, "river": "0", "root": [0], "shapes": [[FUNC, "func"]],
        "nodes": [
            ["object", 0, [1]],
            ["partial", [2], [3]],
            ["name", "river.base.base:_log_method_calls"],
            ["tuple", [2], "__globals__", [4]],
            ["name", "builtins.bool"],
        ],
    }  # fmt: skip
    with pytest.raises(BundleError, match=r"_log_method_calls, which is not vetted"):
        read_state(msgspec.msgpack.encode(state))


def test_a_state_that_would_take_for_ever_to_read_is_refused() -> None:
    deep: list[Any] = [["tuple", [place + 1], [place + 1]] for place in range(1, 60)]
    nodes = [["set", [1]], *deep, ["tuple", 1]]
    state = {"format": 1, "river": "0", "root": [0], "nodes": nodes, "shapes": []}
    with pytest.raises(BundleError, match="cannot be read"):
        read_state(msgspec.msgpack.encode(state))


def test_a_state_that_is_cut_or_of_another_format_is_refused() -> None:
    raw = write_state(taught("logistic", 20)[0], "0")
    with pytest.raises(BundleError, match="cannot be read"):
        read_state(raw[:-9])
    state = msgspec.msgpack.decode(raw)
    with pytest.raises(BundleError, match="format 2"):
        read_state(msgspec.msgpack.encode(state | {"format": 2}))
    gone = copy.deepcopy(state)
    gone["shapes"][0][0] = "river.compose.pipeline:Tube"
    with pytest.raises(BundleError, match=r"river\.compose\.pipeline\.Tube.*packaged with river 0"):
        read_state(msgspec.msgpack.encode(gone))


def test_a_payload_that_was_changed_is_no_model(tmp_path: Path) -> None:
    model, _, rows, labels = taught("logistic", 60)
    with package(model, rows, labels, tmp_path) as bundle:
        (bundle.path / bundle.info.runner.path).write_bytes(b"no model")
        with pytest.raises(BundleError):
            load_runner(Bundle(bundle.path, bundle.digest, bundle.info, bundle.signer))
