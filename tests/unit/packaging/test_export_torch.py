"""Torch modules become ONNX that answers as they do, or a program that must be allowed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import onnx_runner

from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError, ModelError
from fairlead.packaging.export import Exported, Reference, export_torch
from fairlead.packaging.export.network import is_module
from fairlead.runners import Runner
from fairlead.runners.torch import TorchRunner, as_field
from fairlead.signature import Field, Signature, from_frame, infer_inputs

torch = pytest.importorskip("torch", reason="torch is not installed")
if find_spec("onnxscript") is None:
    pytest.skip("onnxscript is not installed", allow_module_level=True)
nn = torch.nn
Module: Any = nn.Module

DRAW = np.random.default_rng(0)
TABLE = pd.DataFrame({"age": DRAW.uniform(18, 90, 60).round(1), "visits": DRAW.integers(0, 9, 60)})
OLD = (TABLE["age"] > 50.5).to_numpy().astype(int)
PICTURES = DRAW.normal(size=(30, 1, 8, 8)).astype(np.float32)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class OldOrYoung(Module):  # type: ignore[misc]  # torch may be missing, and then is Any
    """Logits of young and old, right on every row of the table."""

    def __init__(self, steepness: float = 0.1) -> None:
        super().__init__()
        self.turned = nn.Parameter(torch.tensor([-steepness, steepness]))

    def forward(self, rows: Any) -> Any:
        return (rows[:, :1] - 50.5) * self.turned


class Apply(Module):  # type: ignore[misc]
    """Any function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, rows: Any) -> Any:
        return self.function(rows)


def exported(module: Any, data: Any, y: Any = None, *, allow_pickle: bool = False) -> Exported:
    signature = Signature(inputs=infer_inputs(data), outputs=())
    labels = None if y is None else np.asarray(y)
    reference = Reference(data, from_frame(signature, data), signature, labels)
    return export_torch(module, reference, allow_pickle=allow_pickle)


def program_runner(made: Exported, folder: Path) -> Runner:
    raw = made.files[made.runner.path]
    assert isinstance(raw, bytes)
    path = folder / made.runner.path
    path.write_bytes(raw)
    signature = Signature(inputs=made.inputs, outputs=made.outputs)
    return TorchRunner(path, made.runner, signature, timeout_s=30)


def shapes(made: Exported) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {field.name: (field.kind, field.shape) for field in made.outputs}


def network() -> Any:
    """With everything that answers otherwise while training."""
    return nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    )


def test_a_module_becomes_onnx_for_any_number_of_rows() -> None:
    module = network()
    made = exported(module, TABLE)
    assert (made.runner.kind, made.runner.pickle, made.task) == ("onnx", False, "other")
    assert shapes(made) == {"output": ("tensor", (3,))}
    assert made.runner.inputs[0].fields == ("age", "visits")
    runner = onnx_runner(made)
    module.eval()
    for rows in (1, 2, 3, 60):
        asked = TABLE[:rows].to_numpy(dtype=np.float32)
        wanted = module(torch.from_numpy(asked)).detach().numpy()
        signature = Signature(inputs=made.inputs, outputs=())
        got = runner.predict(from_frame(signature, TABLE[:rows])).column("output")
        assert got == pytest.approx(wanted, abs=1e-5)


def test_a_module_is_left_as_it_was() -> None:
    module = network()
    module.train()
    module[1].eval()  # as one does to go on training without its statistics
    before = {name: value.clone() for name, value in module.state_dict().items()}
    exported(module, TABLE)
    assert [part.training for part in module.modules()] == [True, True, False, True, True, True]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_the_modules_own_answers_are_on_the_receipt() -> None:
    made = exported(OldOrYoung(), TABLE)
    age = made.receipt.inputs.column("age").astype(np.float32)
    wanted = (age - np.float32(50.5)) * np.float32(0.1)
    assert made.receipt.outputs.columns["output"][:, 1] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("labels", "classes", "shares"),
    [
        (OLD.astype(float), (0, 1), False),
        (OLD.astype(bool), (False, True), False),
        (np.where(OLD, "z", "a"), ("a", "z"), True),
        (OLD + 5, (5, 6), False),
    ],
)
def test_numbers_for_each_class_become_label_and_probabilities(
    labels: Any, classes: tuple[Any, ...], shares: bool
) -> None:
    module = nn.Sequential(OldOrYoung(), nn.Softmax(dim=1)) if shares else OldOrYoung()
    made = exported(module, TABLE, labels)
    assert made.task == "classification"
    assert [field.categories for field in made.outputs] == [classes, classes]
    answers = onnx_runner(made).predict(
        from_frame(Signature(inputs=made.inputs, outputs=()), TABLE)
    )
    assert answers.column("label").tolist() == [classes[place] for place in OLD]
    assert {type(label) for label in answers.column("label")} == {type(classes[0])}
    second = 1 / (1 + np.exp(-0.2 * (TABLE["age"] - 50.5)))
    assert answers.columns["probabilities"][:, 1] == pytest.approx(second.to_numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("column", "link"),
    [
        (lambda z: z[:, 1:], "logit"),
        (lambda z: z[:, 1], "logit"),
        (lambda z: torch.sigmoid(z[:, 1:]), "share"),
    ],
)
def test_one_number_a_row_is_the_second_of_two_classes(column: Any, link: str) -> None:
    made = exported(nn.Sequential(OldOrYoung(), Apply(column)), TABLE, OLD)
    answers = onnx_runner(made).predict(
        from_frame(Signature(inputs=made.inputs, outputs=()), TABLE)
    )
    assert answers.column("label").tolist() == OLD.tolist()
    second = 1 / (1 + np.exp(-0.1 * (TABLE["age"] - 50.5)))
    assert answers.columns["probabilities"][:, 1] == pytest.approx(second.to_numpy(), abs=1e-5)


def test_weak_logits_are_not_taken_for_probabilities() -> None:
    weak = nn.Sequential(OldOrYoung(1e-3), Apply(lambda z: z[:, 1] + 0.5))
    made = exported(weak, TABLE, OLD)
    shares = made.receipt.outputs.columns["probabilities"][:, 1]
    assert shares[:50] == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.02)


def test_classes_are_known_though_few_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.packaging.export.torch.LOOK_ROWS", 1)
    made = exported(OldOrYoung(), TABLE, np.where(OLD, "z", "a"))
    assert made.outputs[0].categories == ("a", "z")


def test_probabilities_are_recognised_beside_rows_that_are_not_answered() -> None:
    shares = nn.Sequential(OldOrYoung(), nn.Softmax(dim=1))
    table = TABLE.copy()
    table.loc[3, "age"] = np.nan
    made = exported(shares, table, OLD)
    age = made.receipt.inputs.column("age")[:50].astype(float)
    second = 1 / (1 + np.exp(-0.2 * (age - 50.5)))
    got = made.receipt.outputs.columns["probabilities"][:50, 1]
    assert got == pytest.approx(second, abs=1e-5)


def test_labels_whose_order_is_another_than_the_outputs_are_refused() -> None:
    with pytest.raises(ExportError, match="order"):
        exported(OldOrYoung(), TABLE, np.where(OLD, "a", "z"))


@pytest.mark.parametrize("labels", [OLD + 0.5, np.arange(60), [[0, 1]] * 60])
def test_labels_that_are_no_classes_of_the_outputs_name_nothing(labels: Any) -> None:
    made = exported(OldOrYoung(), TABLE, labels)
    assert (made.task, shapes(made)) == ("other", {"output": ("tensor", (2,))})


@pytest.mark.parametrize("labels", [None, TABLE["age"].to_numpy(), DRAW.integers(0, 9, 60)])
def test_one_number_a_row_is_else_a_prediction(labels: Any) -> None:
    made = exported(nn.Linear(2, 1), TABLE, labels)
    assert (made.task, shapes(made)) == ("regression", {"prediction": ("number", ())})


def test_pictures_are_one_tensor() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4))
    made = exported(module, PICTURES, DRAW.integers(0, 4, 30))
    assert [(field.kind, field.shape) for field in made.inputs] == [("tensor", (1, 8, 8))]
    assert made.outputs[1].categories == (0, 1, 2, 3)
    assert made.runner.kind == "onnx"


def test_whole_numbers_of_an_array_stay_whole() -> None:
    words = nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(12, 2))
    made = exported(words, DRAW.integers(0, 50, (40, 3)))
    assert made.runner.inputs[0].dtype == "int64"
    assert made.runner.kind == "onnx"


def test_a_module_in_double_precision_stays_so() -> None:
    made = exported(nn.Linear(2, 1).double(), TABLE)
    assert made.runner.inputs[0].dtype == "float64"
    assert made.tolerance.relative == 1e-9


class Together(Module):  # type: ignore[misc]
    def forward(self, picture: Any, numbers: Any) -> Any:
        return {"dark": picture.mean((1, 2)), "scaled": picture * numbers.sum(1)[:, None, None]}


def test_several_arguments_are_fed_by_name_and_the_rest_as_a_matrix() -> None:
    rows = [
        {"a": float(i), "picture": PICTURES[i, 0].tolist(), "b": 0.5} for i in range(len(PICTURES))
    ]
    made = exported(Together(), rows)
    assert [given.fields for given in made.runner.inputs] == [("picture",), ("a", "b")]
    assert shapes(made) == {"dark": ("number", ()), "scaled": ("tensor", (8, 8))}
    got = onnx_runner(made).predict(made.receipt.inputs)
    assert compare(made.receipt.outputs, got, made.tolerance) == ()


def test_a_missing_number_is_allowed_only_where_the_module_answers_it() -> None:
    filled = Apply(lambda rows: torch.nan_to_num(rows).sum(1))
    assert [f.missing for f in exported(filled, TABLE).inputs] == ["allow", "allow"]
    assert [f.missing for f in exported(nn.Linear(2, 1), TABLE).inputs] == ["error", "error"]


def test_weights_are_kept_to_train_on_from() -> None:
    from safetensors.torch import load

    module = nn.Linear(2, 2)
    module.bias = nn.Parameter(module.weight[0])  # shares memory
    made = exported(module, TABLE)
    assert made.trainable is not None
    assert made.trainable.format == "safetensors"
    raw = made.files[made.trainable.path]
    assert isinstance(raw, bytes)
    again = nn.Linear(2, 2)
    again.load_state_dict(load(raw))
    assert torch.equal(again.weight, module.weight)


def bessel() -> Any:
    """Classes by what ONNX has no operator for."""
    odd = Apply(lambda z: z * (1 + torch.special.bessel_j0(z) * 1e-3))
    return nn.Sequential(OldOrYoung(), odd)


def test_what_onnx_lacks_is_refused_unless_a_pickle_is_allowed() -> None:
    with pytest.raises(ExportError, match=r"bessel_j0.*pickle"):
        exported(bessel(), TABLE)


def test_a_program_answers_like_the_module_in_a_process_of_its_own(tmp_path: Path) -> None:
    made = exported(bessel(), TABLE, np.where(OLD, "z", "a"), allow_pickle=True)
    assert (made.runner.kind, made.runner.pickle) == ("torch", True)
    assert "bessel_j0" in made.notes[1]
    runner = program_runner(made, tmp_path)
    try:
        for rows in (1, 2, 60):
            some = slice(0, rows)
            got = runner.predict(made.receipt.inputs.take(some))
            assert compare(made.receipt.outputs.take(some), got, made.tolerance) == ()
    finally:
        runner.close()


def test_a_graph_that_differs_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    from fairlead.packaging.export import torch_forms

    honest = torch_forms._graph
    other = torch.export.export(
        nn.Sequential(nn.Linear(2, 1)), (torch.ones(3, 2),),
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
    )  # fmt: skip
    monkeypatch.setattr(
        torch_forms, "_graph", lambda network, program, spec: honest(network, other, spec)
    )
    with pytest.raises(ExportError, match=r"not equal: prediction differs"):
        exported(nn.Linear(2, 1), TABLE)


@pytest.mark.parametrize(
    ("make", "data", "reason"),
    [
        (lambda: Apply(lambda rows: rows - rows.mean(0)), TABLE, "beside it"),
        (lambda: Apply(lambda rows: rows + torch.rand(1)), TABLE, "beside it"),
        (lambda: Apply(lambda rows: rows.sum()), TABLE, "one entry for each row"),
        (lambda: Apply(lambda rows: rows.tolist()), TABLE, "something else than a tensor"),
        (lambda: Apply(lambda rows: rows * float("nan")), TABLE, "finite"),
        (lambda: nn.Linear(5, 1), TABLE, "does not answer the reference rows"),
        (lambda: nn.Linear(2, 1).half(), TABLE, "float16"),
        (lambda: nn.Linear(2, 1).to("meta"), TABLE, "not on the CPU"),
        (lambda: nn.Bilinear(2, 2, 1), TABLE, "do not fit each other"),
        (lambda: nn.Linear(2, 1), TABLE.assign(plan="pro"), "'plan' is of kind category"),
        (lambda: Apply(lambda rows: rows if rows.sum() > 0 else -rows), TABLE,
         "torch.export does not"),
    ],
)  # fmt: skip
def test_modules_that_do_not_fit_are_refused(
    make: Callable[[], Any], data: Any, reason: str
) -> None:
    with pytest.raises(ExportError, match=reason):
        exported(make(), data, allow_pickle=True)


def test_only_modules_are_taken_for_such() -> None:
    assert is_module(network())
    assert not is_module(torch.ones(2))
    assert not is_module(nn.Linear)


def test_a_place_that_no_class_has_is_an_error() -> None:
    label = Field(name="label", kind="category", categories=("only",))
    assert as_field(label, np.array([[0], [0]])).tolist() == ["only", "only"]
    with pytest.raises(ModelError, match="class that it does not have"):
        as_field(label, np.array([0, 1]))
