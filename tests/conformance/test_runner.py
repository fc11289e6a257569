"""What every runner promises, checked on each kind there is; a kind without a factory fails."""

from __future__ import annotations

import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from fairlead.bundle import RunnerSpec, TensorInput, TensorOutput
from fairlead.bundle.types import RunnerKind
from fairlead.errors import ModelError
from fairlead.runners import Runner
from fairlead.runners.frame import Form
from fairlead.runners.libraries import LIBRARIES, Library, dump_own, load_own
from fairlead.runners.onnx import OnnxRunner
from fairlead.runners.python import PythonRunner
from fairlead.runners.river import RiverModel
from fairlead.runners.sklearn import SklearnRunner
from fairlead.runners.torch import TorchRunner
from fairlead.signature import Batch, Field, Signature

KINDS: tuple[str, ...] = get_args(RunnerKind)
SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"), Field(name="y", kind="number")),
    outputs=(Field(name="prediction", kind="number"),),
)
SLOPES, OFFSET = (2.0, -3.0), 0.5
MODEL = f"""
class Model:
    def predict(self, batch):
        return batch["x"] * {SLOPES[0]} + batch["y"] * {SLOPES[1]} + {OFFSET}
"""
BROKEN = """
class Model:
    def predict(self, batch):
        raise ValueError("a value of a caller")
"""


def linear() -> object:
    from sklearn.linear_model import LinearRegression

    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return LinearRegression().fit(rows, rows @ np.array(SLOPES) + OFFSET)


def onnx_runner(_: Path) -> Runner:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType

    graph = to_onnx(linear(), initial_types=[("rows", DoubleTensorType([None, 2]))])
    spec = RunnerSpec(
        kind="onnx",
        path="model.onnx",
        inputs=(TensorInput(name="rows", fields=("x", "y")),),
        outputs=(TensorOutput(name=graph.graph.output[0].name, field="prediction"),),
    )
    return OnnxRunner(graph.SerializeToString(), spec, SIGNATURE.outputs)


def sklearn_runner(_: Path) -> Runner:
    return SklearnRunner(linear(), RunnerSpec(kind="sklearn", path="model.skops"), SIGNATURE)


def python_runner(folder: Path) -> Runner:
    (folder / "model.py").write_text(MODEL)
    return PythonRunner(folder, SIGNATURE, timeout_s=10.0)


def program_of(folder: Path, place: int) -> Runner:
    """A linear program of torch, which takes its offset from a place in a list of one."""
    import torch

    class Linear(torch.nn.Module):  # type: ignore[misc]  # torch may be missing, and then is Any
        def forward(self, rows: Any) -> Any:
            slopes = torch.tensor(SLOPES, dtype=torch.float64)
            offsets = torch.tensor([OFFSET], dtype=torch.float64)
            return ((rows * slopes).sum(1) + offsets[(rows[:, 0] * 0).long() + place],)

    some = torch.zeros((3, 2), dtype=torch.float64)
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export uses its own deprecated parts
        program = torch.export.export(Linear(), (some,), dynamic_shapes=shapes)
        torch.export.save(program, folder / "model.pt2")
    spec = RunnerSpec(
        kind="torch",
        path="model.pt2",
        inputs=(TensorInput(name="rows", fields=("x", "y")),),
        outputs=(TensorOutput(name="0", field="prediction"),),
    )
    return TorchRunner(folder / "model.pt2", spec, SIGNATURE, timeout_s=30.0)


def torch_runner(folder: Path) -> Runner:
    return program_of(folder, 0)


def broken_torch(folder: Path) -> Runner:
    return program_of(folder, 1)


def library_runner(library: Library) -> Callable[[Path], Runner]:
    """Makes a runner of a model that has learnt the answers to the rows asked by heart."""

    def make(_: Path) -> Runner:
        module = pytest.importorskip(library, reason=f"{library} is not installed")
        batch = rows(17)
        truth = batch.numbers @ np.array(SLOPES) + OFFSET
        model = BY_HEART[library](module).fit(batch.numbers, truth)
        loaded = load_own(library, dump_own(library, model), SIGNATURE.outputs)
        form: Form = "rows" if library == "river" else "numpy"
        return SklearnRunner(loaded, RunnerSpec(kind=library, path="model", frame=form), SIGNATURE)

    return make


class _River:
    """A linear model of river that has gone over rows until it knew them."""

    def fit(self, numbers: Any, truth: Any) -> RiverModel:
        from river import linear_model, optim

        model = linear_model.LinearRegression(optimizer=optim.SGD(0.05), intercept_lr=0.05)
        served = RiverModel(model, None)
        asked = [dict(zip(("x", "y"), row, strict=True)) for row in numbers.tolist()]
        for _ in range(400):
            served.partial_fit(asked, truth)
        return served


BY_HEART: dict[Library, Callable[[Any], Any]] = {
    "xgboost": lambda library: library.XGBRegressor(
        n_estimators=3, learning_rate=1, max_depth=0, grow_policy="lossguide", reg_lambda=0,
        min_child_weight=0,
    ),
    "lightgbm": lambda library: library.LGBMRegressor(
        n_estimators=3, learning_rate=1, min_child_samples=1, min_data_in_bin=1, verbose=-1
    ),
    "catboost": lambda library: library.CatBoostRegressor(
        iterations=60, learning_rate=1, l2_leaf_reg=0, random_strength=0, verbose=0,
        bootstrap_type="No", boosting_type="Plain", allow_writing_files=False,
    ),
    "river": lambda _: _River(),
}  # fmt: skip


def broken_onnx(folder: Path) -> Runner:
    runner = onnx_runner(folder)
    assert isinstance(runner, OnnxRunner)
    runner._asked = ["no such output"]
    return runner


class _Broken:
    def predict(self, rows: object) -> object:
        raise ValueError("a value of a caller")


def broken_sklearn(_: Path) -> Runner:
    return SklearnRunner(_Broken(), RunnerSpec(kind="sklearn", path="model.skops"), SIGNATURE)


def broken_python(folder: Path) -> Runner:
    (folder / "model.py").write_text(BROKEN)
    return PythonRunner(folder, SIGNATURE, timeout_s=10.0)


FACTORIES: dict[str, Callable[[Path], Runner]] = {
    "onnx": onnx_runner,
    "sklearn": sklearn_runner,
    "python": python_runner,
    "torch": torch_runner,
    **{library: library_runner(library) for library in LIBRARIES},
}
BROKEN_FACTORIES: dict[str, Callable[[Path], Runner]] = {
    "onnx": broken_onnx,
    "sklearn": broken_sklearn,
    "python": broken_python,
    "torch": broken_torch,
    **dict.fromkeys(LIBRARIES, broken_sklearn),
}
BLOCKING = {"python", "torch"}
NEEDS = {"torch": "torch"}
FAULTS: dict[str, str] = {
    "onnx": "no such output",
    "sklearn": "a value of a caller",
    "python": "a value of a caller",
    "torch": "IndexError",
    **dict.fromkeys(LIBRARIES, "a value of a caller"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
    return name


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Runner]]:
    """Runners that tests share, by kind: some take seconds to start."""
    runners: dict[str, Runner] = {}
    yield runners
    for runner in runners.values():
        runner.close()


@pytest.fixture
def runner(
    kind: str, opened: dict[str, Runner], tmp_path_factory: pytest.TempPathFactory
) -> Runner:
    if kind not in opened:
        opened[kind] = FACTORIES[kind](tmp_path_factory.mktemp(kind))
    return opened[kind]


def rows(count: int) -> Batch:
    random = np.random.default_rng(count)
    return Batch(count, ("x", "y"), random.normal(size=(count, 2)), {})


def predictions(batch: Batch) -> list[float]:
    values: list[float] = batch.column("prediction").astype(float).tolist()
    return values


def test_a_batch_is_answered_row_by_row(runner: Runner) -> None:
    batch = rows(17)
    together = runner.predict(batch)
    assert together.rows == 17
    assert predictions(together) == pytest.approx(
        (batch.numbers @ np.array(SLOPES) + OFFSET).tolist()
    )
    alone = [predictions(runner.predict(batch.take(slice(i, i + 1))))[0] for i in range(17)]
    assert alone == pytest.approx(predictions(together), rel=1e-12)


def test_the_columns_of_a_batch_may_come_in_another_order(runner: Runner) -> None:
    batch = rows(5)
    turned = Batch(5, ("y", "x"), np.ascontiguousarray(batch.numbers[:, ::-1]), {})
    assert predictions(runner.predict(turned)) == pytest.approx(predictions(runner.predict(batch)))


def test_answers_have_the_fields_of_the_signature_and_no_other(runner: Runner) -> None:
    answers = runner.predict(rows(3))
    assert {*answers.names, *answers.columns} == {"prediction"}
    assert answers.numbers.dtype == np.float64


def test_the_rows_are_left_as_they_were(runner: Runner) -> None:
    batch = rows(4)
    before = batch.numbers.copy()
    runner.predict(batch)
    assert np.array_equal(batch.numbers, before)


def test_earlier_answers_are_not_overwritten_by_later_ones(runner: Runner) -> None:
    first = runner.predict(rows(4))
    before = predictions(first)
    runner.predict(rows(5).take(slice(0, 4)))
    assert predictions(first) == before


def test_it_may_be_used_from_a_thread_other_than_the_one_that_loaded_it(runner: Runner) -> None:
    got: list[Batch] = []
    thread = threading.Thread(target=lambda: got.append(runner.predict(rows(3))))
    thread.start()
    thread.join(30)
    assert predictions(got[0]) == pytest.approx(predictions(runner.predict(rows(3))))


def test_closing_twice_is_harmless_and_a_closed_runner_says_so(kind: str, tmp_path: Path) -> None:
    runner = FACTORIES[kind](tmp_path)
    runner.predict(rows(1))
    runner.close()
    runner.close()
    with pytest.raises(ModelError, match="closed"):
        runner.predict(rows(1))


def test_a_model_that_fails_is_a_model_error_without_the_callers_value(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runner = BROKEN_FACTORIES[kind](tmp_path)
    try:
        for _ in range(2):
            with pytest.raises(ModelError) as failed:
                runner.predict(rows(1))
            assert "caller" not in str(failed.value)
    finally:
        runner.close()
    told = capfd.readouterr().err + "".join(traceback.format_exception(failed.value))
    assert FAULTS[kind] in told  # what the operator finds on stderr


def test_it_says_whether_it_waits_for_another_process(kind: str, runner: Runner) -> None:
    assert runner.blocking is (kind in BLOCKING)


def test_every_kind_has_its_factories() -> None:
    assert set(FACTORIES) == set(BROKEN_FACTORIES) == set(FAULTS) == set(KINDS)
