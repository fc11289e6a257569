"""Taking over ONNX files and Python folders: what does not fit is refused, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rows import people, reference
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression

from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError
from fairlead.packaging.export import Exported, export_onnx, export_python
from fairlead.runners.onnx import OnnxRunner

MATRIX = np.random.default_rng(0).normal(size=(50, 3))
CLASSES = np.where(MATRIX[:, 0] > 0, "up", "down")


def save(model: Any, tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def graph(
    nodes: list[Any], inputs: dict[str, tuple[int, list[Any]]], domain: str = "",
    constants: tuple[Any, ...] = (),
) -> Any:  # fmt: skip
    given = [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in inputs.items()]
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", None])
    made = helper.make_graph(nodes, "g", given, [answer], constants)
    opsets = [helper.make_opsetid("", 21)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(made, opset_imports=opsets, ir_version=10)


def replay(made: Exported) -> tuple[str, ...]:
    raw = made.files["model.onnx"]
    assert isinstance(raw, bytes)
    runner = OnnxRunner(raw, made.runner, made.outputs)
    return compare(made.receipt.outputs, runner.predict(made.receipt.inputs), made.tolerance)


def test_a_classifier_of_skl2onnx_answers_label_and_probabilities(tmp_path: Path) -> None:
    model = LogisticRegression().fit(MATRIX, CLASSES)
    options = {"zipmap": False}
    path = save(to_onnx(model, MATRIX[:1].astype(np.float32), options=options), tmp_path)
    made = export_onnx(path, reference(MATRIX))
    assert made.task == "classification"
    assert [field.name for field in made.outputs] == ["label", "probabilities"]
    assert made.outputs[1].categories == ("down", "up")
    assert made.runner.inputs[0].fields == ("x0", "x1", "x2")
    assert replay(made) == ()


def test_a_regressor_of_skl2onnx_answers_a_prediction(tmp_path: Path) -> None:
    model = LinearRegression().fit(MATRIX, MATRIX[:, 0])
    made = export_onnx(save(to_onnx(model, MATRIX[:1]), tmp_path), reference(MATRIX))
    assert (made.task, made.outputs[0].name) == ("regression", "prediction")
    assert replay(made) == ()


def test_lists_of_maps_are_refused(tmp_path: Path) -> None:
    model = LogisticRegression().fit(MATRIX, CLASSES)
    path = save(to_onnx(model, MATRIX[:1].astype(np.float32)), tmp_path)
    with pytest.raises(ExportError, match="zipmap"):
        export_onnx(path, reference(MATRIX))


def test_inputs_are_fed_by_name(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Equal", ["plan", "pro"], ["is_pro"]),
        helper.make_node("Cast", ["is_pro"], ["bonus"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["age", "bonus"], ["y"]),
    ]
    pro = helper.make_tensor("pro", TensorProto.STRING, [1], [b"pro"])
    inputs = {"age": (TensorProto.FLOAT, ["N", 1]), "plan": (TensorProto.STRING, ["N", 1])}
    data = people().fillna({"plan": "free"})[["plan", "age"]]
    made = export_onnx(save(graph(nodes, inputs, constants=(pro,)), tmp_path), reference(data))
    assert [given.fields for given in made.runner.inputs] == [("age",), ("plan",)]
    assert made.outputs[0].kind == "number"
    assert replay(made) == ()


def _identity() -> list[Any]:
    return [helper.make_node("Identity", ["x"], ["y"])]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (graph(_identity(), {"x": (TensorProto.FLOAT, ["N", 2])}), "numeric columns"),
        (graph(_identity(), {"x": (TensorProto.FLOAT, [1, 3])}), "1 rows at once"),
        (graph(_identity(), {"x": (TensorProto.INT64, ["N", 3])}), "whole numbers|no valid"),
        (
            graph(
                [helper.make_node("Mine", ["x"], ["y"], domain="my.own")],
                {"x": (TensorProto.FLOAT, ["N", 3])},
                "my.own",
            ),
            "only other runtimes know",
        ),
        (
            graph(
                [helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
                 helper.make_node("Add", ["x", "s"], ["y"])],
                {"x": (TensorProto.FLOAT, ["N", 3])},
            ),
            "when it is alone",
        ),
    ],
)  # fmt: skip
def test_files_that_do_not_fit_are_refused(tmp_path: Path, model: Any, reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        export_onnx(save(model, tmp_path), reference(MATRIX))


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((3, 2000), np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = graph(nodes, {"x": (TensorProto.FLOAT, ["N", 3])}, constants=(weights,))
    path = tmp_path / "m.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(ExportError, match="other files"):
        export_onnx(path, reference(MATRIX))


@pytest.mark.parametrize("raw", [b"", b"\x00\xff nonsense", b"\x08"])
def test_what_is_no_onnx_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(raw)
    with pytest.raises(ExportError):
        export_onnx(path, reference(MATRIX))


def test_missing_text_is_refused(tmp_path: Path) -> None:
    path = save(graph(_identity(), {"x": (TensorProto.FLOAT, ["N", 3])}), tmp_path)
    with pytest.raises(ExportError, match="'plan'"):
        export_onnx(path, reference(people()))


CODE = """
import numpy as np

class Model:
    def load(self): ...

    def predict(self, batch):
        first = next(iter(batch.values()))
        if first[0] > 1e6:
            raise ValueError
        return {"risk": first, "label": np.full(len(first), "a")}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "parts").mkdir(parents=True)
    (made / "__pycache__").mkdir()
    (made / "__pycache__" / "model.pyc").write_bytes(b"x")
    (made / ".git").mkdir()
    (made / ".git" / "config").write_text("x")
    (made / "parts" / "words.txt").write_text("a")
    (made / "model.py").write_text(CODE)
    return made


def test_a_folder_is_taken_over_with_its_plain_files(folder: Path) -> None:
    made = export_python(folder, reference(MATRIX))
    assert sorted(made.files) == ["python/model.py", "python/parts/words.txt"]
    assert (made.runner.kind, made.runner.path) == ("python", "python")
    assert {f.name: f.kind for f in made.outputs} == {"risk": "number", "label": "category"}
    assert made.task == "classification"


def test_links_are_refused(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ExportError, match="plain file"):
        export_python(folder, reference(MATRIX))


@pytest.mark.parametrize("source", ["class Other: ...", "class Model:", "class Model: ..."])
def test_a_folder_without_the_class_is_refused(folder: Path, source: str) -> None:
    (folder / "model.py").write_text(source)
    with pytest.raises(ExportError, match=r"model\.py"):
        export_python(folder, reference(MATRIX))


def test_a_class_that_fails_is_refused(folder: Path) -> None:
    with pytest.raises(ExportError, match="does not answer"):
        export_python(folder, reference(MATRIX + 1e7))
