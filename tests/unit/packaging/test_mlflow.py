"""Folders that MLflow wrote: what is safe is read, the rest is refused or must be allowed."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from rows import reference
from sklearn.linear_model import LogisticRegression

from fairlead.errors import ExportError
from fairlead.packaging.export import export, export_onnx
from fairlead.packaging.mlflow import is_mlflow, open_mlflow
from fairlead.runners.sklearn import import_skops

pytest.importorskip("yaml", reason="PyYAML is not installed")

DRAW = np.random.default_rng(0)
TABLE = pd.DataFrame({"age": DRAW.uniform(18, 90, 80), "visits": DRAW.integers(0, 9, 80)})
OLD = (TABLE["age"] > 50).to_numpy().astype(int)

# As MLflow 3.17 writes it, around what it says of the flavor itself.
MLMODEL = """
flavors:
{flavors}
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.{name}
    python_version: 3.11.7
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 10853
model_uuid: 9d8e61add0634d759ea99f4b44e8e8e8
prompts: null
signature:
  inputs: '[{{"type": "double", "name": "age", "required": true}}, {{"type": "double",
    "name": "visits", "required": true}}]'
  outputs: '[{{"type": "long", "required": true}}]'
  params: null
utc_time_created: '2026-02-21 09:02:35.360246'
"""
SKLEARN = """
sklearn:
  code: null
  pickled_model: {payload}
  serialization_format: {form}
  sklearn_version: 1.9.1
  skops_trusted_types: {trusted}
"""
ONNX = """
onnx:
  code: null
  data: {payload}
  onnx_session_options: null
  onnx_version: 1.23.2
  providers:
  - CUDAExecutionProvider
  - CPUExecutionProvider
"""
XGBOOST = """
xgboost:
  code: null
  data: {payload}
  model_class: {kind}
  model_format: {form}
  xgb_version: 3.2.0
"""
LIGHTGBM = """
lightgbm:
  code: null
  data: {payload}
  lgb_version: 4.7.0
  model_class: {kind}
  serialization_format: {form}
"""
PYTORCH = """
pytorch:
  code: null
  model_data: {payload}
  pytorch_version: 2.13.0+cpu
"""


def write(folder: Path, flavor: str, **facts: Any) -> Path:
    """An `MLmodel` of one flavor."""
    name = flavor.split(":", 1)[0].strip()
    config = textwrap.indent(flavor.format(**facts).strip(), "  ")
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_text(MLMODEL.format(flavors=config, name=name))
    return folder


def write_sklearn(folder: Path, model: object) -> Path:
    write(folder, SKLEARN, payload="model.skops", form="skops", trusted="null")
    import_skops().dump(model, folder / "model.skops")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.fixture
def model() -> Any:
    return LogisticRegression().fit(TABLE, OLD)


class Marks:
    """A pickle whose loading leaves a mark."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_an_estimator_kept_as_skops_is_read(folder: Path, model: Any) -> None:
    assert not is_mlflow(folder)
    write_sklearn(folder, model)
    assert is_mlflow(folder)
    opened = open_mlflow(folder, allow_pickle=False)
    assert export(opened.model, reference(TABLE), allow_pickle=False).runner.kind == "onnx"
    assert opened.notes == ("From an MLflow model of flavor sklearn.",)


def test_types_that_the_folder_trusts_are_not_trusted(folder: Path, tmp_path: Path) -> None:
    write(folder, SKLEARN, payload="model.skops", form="skops", trusted="[pathlib.Path.touch]")
    (folder / "model.skops").write_bytes(import_skops().dumps({"hook": Marks(tmp_path / "mark")}))
    with pytest.raises(ExportError, match="not vetted"):
        open_mlflow(folder, allow_pickle=True)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("form", ["cloudpickle", "pickle"])
def test_a_pickle_is_loaded_only_if_that_is_allowed(
    folder: Path, tmp_path: Path, form: str
) -> None:
    write(folder, SKLEARN, payload="model.pkl", form=form, trusted="null")
    (folder / "model.pkl").write_bytes(pickle.dumps(Marks(tmp_path / "mark")))
    with pytest.raises(ExportError, match="--allow-pickle"):
        open_mlflow(folder, allow_pickle=False)
    assert not (tmp_path / "mark").exists()
    opened = open_mlflow(folder, allow_pickle=True)
    assert (tmp_path / "mark").exists()
    assert opened.notes == ("From an MLflow model of flavor sklearn, a pickle.",)


def test_a_folder_of_old_without_a_format_holds_a_pickle(folder: Path, model: Any) -> None:
    write(folder, "sklearn:\n  pickled_model: {payload}\n", payload="model.pkl")
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    with pytest.raises(ExportError, match="pickle"):
        open_mlflow(folder, allow_pickle=False)
    assert isinstance(open_mlflow(folder, allow_pickle=True).model, LogisticRegression)


def test_a_pickle_that_does_not_load_says_why(folder: Path) -> None:
    write(folder, SKLEARN, payload="model.pkl", form="pickle", trusted="null")
    (folder / "model.pkl").write_bytes(b"cnot_there\nThing\n.")
    with pytest.raises(ExportError, match=r"ModuleNotFoundError.*not_there"):
        open_mlflow(folder, allow_pickle=True)


def write_onnx(folder: Path, location: str = "weights.data") -> Path:
    """Two columns times three, with the weights in a file of their own, as MLflow does."""
    write(folder, ONNX, payload="model.onnx")
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "w")
    made = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "w"], ["variable"])],
        "g",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("variable", TensorProto.FLOAT, ["N", 3])],
        [weights],
    )
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save_model(
        whole, folder / "model.onnx", save_as_external_data=True, location="weights.data",
        size_threshold=0,
    )  # fmt: skip
    told = onnx.load_model(folder / "model.onnx", load_external_data=False)
    told.graph.initializer[0].external_data[0].value = location
    (folder / "model.onnx").write_bytes(told.SerializeToString())
    return folder


def test_a_graph_is_read_with_weights_in_another_file(folder: Path) -> None:
    opened = open_mlflow(write_onnx(folder), allow_pickle=False)
    made = export_onnx(opened.model, reference(TABLE))
    rows = made.receipt.inputs.numbers
    wanted = rows @ np.arange(6).reshape(2, 3)
    assert made.receipt.outputs.columns["prediction"] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "", "none"])
def test_weights_elsewhere_are_refused(folder: Path, location: str) -> None:
    write_onnx(folder, location)
    (folder.parent / "secret").write_bytes(bytes(24))
    (folder / "link").symlink_to(folder.parent / "secret")
    with pytest.raises(ExportError):
        open_mlflow(folder, allow_pickle=True)


def test_weights_that_claim_to_be_huge_are_refused(folder: Path) -> None:
    write_onnx(folder)
    told = onnx.load_model(folder / "model.onnx", load_external_data=False)
    for entry in told.graph.initializer[0].external_data:
        if entry.key == "length":
            entry.value = str(1 << 40)
    (folder / "model.onnx").write_bytes(told.SerializeToString())
    with pytest.raises(ExportError, match="larger than"):
        open_mlflow(folder, allow_pickle=True)


@pytest.mark.parametrize(
    "flavor",
    [
        SKLEARN.replace("{form}", "skops").replace("{trusted}", "null"),
        ONNX,
        XGBOOST.replace("{form}", "json").replace("{kind}", "xgboost.core.Booster"),
        LIGHTGBM.replace("{form}", "skops").replace("{kind}", "lightgbm.basic.Booster"),
        PYTORCH,
    ],
    ids=["sklearn", "onnx", "xgboost", "lightgbm", "pytorch"],
)
@pytest.mark.parametrize(
    "payload",
    ["../secret", "/etc/hostname", "link", "linked/model.pth", "a/../../secret", '"a\\\\b"', "none",
     "null", "3", "[a]", "'.'", "''"],
)  # fmt: skip
def test_payloads_elsewhere_are_refused(folder: Path, flavor: str, payload: str) -> None:
    write(folder, flavor, payload=payload)
    (folder.parent / "outside").mkdir()
    for outside in (folder.parent / "secret", folder.parent / "outside" / "model.pth"):
        outside.write_bytes(b"x")
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "linked").symlink_to(folder.parent / "outside")
    with pytest.raises(ExportError, match=r"not in its folder|is a link|is no file"):
        open_mlflow(folder, allow_pickle=True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a: [",
        "just words",
        "flavors: 3",
        "flavors: {sklearn: words}",
        "flavors: {sklearn: !!python/object/apply:os.system ['true']}",
        "[" * 5000,
        "flavors: {2021-02-30: {}}",
        "\x00",
        "#" * (1 << 20) + "\nflavors: {}",
    ],
)
def test_what_is_no_mlmodel_is_refused(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "MLmodel").write_text(content)
    with pytest.raises(ExportError, match="MLmodel"):
        open_mlflow(folder, allow_pickle=True)


def test_a_link_to_an_mlmodel_is_refused(folder: Path, model: Any) -> None:
    write_sklearn(folder, model)
    (folder / "MLmodel").rename(folder.parent / "MLmodel")
    (folder / "MLmodel").symlink_to(folder.parent / "MLmodel")
    with pytest.raises(ExportError, match="is a link"):
        open_mlflow(folder, allow_pickle=True)


def test_a_folder_with_code_alone_names_what_would_be_read(folder: Path) -> None:
    write(folder, "spark:\n  model_data: sparkml")
    with pytest.raises(ExportError, match=r"only python_function, spark\..*onnx, sklearn"):
        open_mlflow(folder, allow_pickle=True)


@pytest.mark.parametrize("form", ["json", "ubj"])
def test_an_xgboost_model_is_read_in_its_own_form(folder: Path, form: str) -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    fitted = xgboost.XGBClassifier(n_estimators=3).fit(TABLE, OLD)
    kind = "xgboost.sklearn.XGBClassifier"
    write(folder, XGBOOST, payload=f"model.{form}", form=form, kind=kind)
    fitted.save_model(folder / f"model.{form}")
    opened: Any = open_mlflow(folder, allow_pickle=False).model
    assert type(opened) is xgboost.XGBClassifier
    assert opened.predict(TABLE).tolist() == fitted.predict(TABLE).tolist()


def test_a_class_that_is_none_of_xgboosts_is_not_made(folder: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    fitted = xgboost.XGBRegressor(n_estimators=3).fit(TABLE, OLD)
    write(folder, XGBOOST, payload="model.json", form="json", kind="os.system")
    fitted.save_model(folder / "model.json")
    assert type(open_mlflow(folder, allow_pickle=False).model) is xgboost.Booster
    (folder / "model.json").write_text("{}")
    with pytest.raises(ExportError, match="does not load"):
        open_mlflow(folder, allow_pickle=False)


def test_a_lightgbm_booster_is_read_in_its_own_form(folder: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    data = lightgbm.Dataset(TABLE, OLD)
    fitted = lightgbm.train({"objective": "binary", "verbose": -1}, data, 3)
    kind = "lightgbm.basic.Booster"
    write(folder, LIGHTGBM, payload="model.lgb", form="skops", kind=kind)
    fitted.save_model(folder / "model.lgb")
    opened: Any = open_mlflow(folder, allow_pickle=False).model
    assert opened.predict(TABLE).tolist() == fitted.predict(TABLE).tolist()
    write(folder, LIGHTGBM, payload="model.lgb", form="pickle", kind="lightgbm.LGBMClassifier")
    with pytest.raises(ExportError, match="is a pickle"):
        open_mlflow(folder, allow_pickle=False)


def test_a_torch_module_is_read_if_its_pickle_is_allowed(folder: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.Linear(2, 1)
    write(folder, PYTORCH, payload="data")
    (folder / "data").mkdir()
    (folder / "data" / "pickle_module_info.txt").write_text("mlflow.pytorch.pickle_module")
    torch.save(module, folder / "data" / "model.pth")
    with pytest.raises(ExportError, match="--allow-pickle"):
        open_mlflow(folder, allow_pickle=False)
    opened: Any = open_mlflow(folder, allow_pickle=True).model
    assert torch.equal(opened.weight, module.weight)
