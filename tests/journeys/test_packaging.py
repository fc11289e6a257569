"""Every kind of model that a user may bring, packaged from the command line and loaded again."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.bundle import read_file
from fairlead.errors import ConfigError
from fairlead.runners.libraries import BOOSTERS, Library
from fairlead.runners.load import load_runner, replay
from fairlead.runners.sklearn import import_skops
from support.models import churn_model, customers
from support.platform import fairlead as run

CODE = """
import numpy as np
from pathlib import Path

class Model:
    def load(self):
        self.factor = float((Path(__file__).parent / "factor.txt").read_text())

    def predict(self, batch):
        big = batch["age"] * self.factor > 100
        return {"label": np.where(big, "big", "small"), "score": batch["age"] * self.factor}
"""

MLMODEL = """
flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: model.skops
  sklearn:
    code: null
    pickled_model: model.skops
    serialization_format: skops
mlflow_version: 3.17.2
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".fairlead"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    frame, left = customers(120)
    path = tmp_path / "valid.parquet"
    frame.assign(left=left).to_parquet(path)
    return path


def loads(home: Path, name: str, *, allow_pickle: bool = False) -> str:
    """Load a version as a worker does, and prove its receipt; gives the runner's kind."""
    workspace = Workspace(home)
    bundle = workspace.bundle(workspace.registry.resolve(name))
    runner = load_runner(bundle, allow_pickle=allow_pickle)
    try:
        assert replay(runner, bundle).rows > 0
    finally:
        runner.close()
    return bundle.info.runner.kind


def test_lineage_is_shown(home: Path) -> None:
    frame, left = customers(120)
    model = churn_model(frame, left)
    fairlead.package(model, frame, left, name="churn", home=home)
    fairlead.package(model, frame, left, name="churn", home=home, parent="churn:1")
    shown = run(home, "show", "churn:2")
    assert re.search(r"parent +churn:1\n", shown)
    assert re.search(r"data +120 rows, [0-9a-f]{16}\n", shown)
    assert re.search(r"environment .*scikit-learn \d", shown)
    assert re.search(r"accuracy +0\.\d+", shown)


def test_a_pickled_file_is_loaded_only_if_that_is_allowed(
    home: Path, reference: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(pickle.dumps(churn_model(*customers())))
    command = ["package", str(model), "--name=churn", f"--reference={reference}", "--label=left"]
    assert "--allow-pickle" in run(home, *command, status=1)
    said = run(home, *command, "--allow-pickle")
    assert "churn:1 is registered, served by onnx" in said
    assert loads(home, "churn:1") == "onnx"
    assert "pickle" not in run(home, "show", "churn:1")


def test_a_name_that_cannot_be_is_refused_before_anything_is_done(home: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be called 'Churn 1'"):
        fairlead.package(object(), object(), name="Churn 1", home=home)


def test_a_skops_file(home: Path, reference: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.skops"
    import_skops().dump(churn_model(*customers()), model)
    said = run(home, "package", str(model), "--name", "churn", "--reference", str(reference),
               "--label", "left")  # fmt: skip
    assert "churn:1 is registered, served by onnx" in said
    assert "accuracy" in said
    assert loads(home, "churn:1") == "onnx"
    assert "trainable   skops" in run(home, "show", "churn:1")


def test_a_folder_that_mlflow_wrote(home: Path, reference: Path, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    import_skops().dump(churn_model(*customers()), folder / "model.skops")
    said = run(home, "package", str(folder), "--name", "churn", "--reference", str(reference),
               "--label", "left")  # fmt: skip
    assert "churn:1 is registered, served by onnx" in said
    assert "Note: From an MLflow model of flavor sklearn." in said
    assert loads(home, "churn:1") == "onnx"


def test_a_torch_module(home: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    frame, left = customers(120)
    numbers = frame[["age", "visits"]]
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Softmax(dim=1))
    labels = (left == "stayed").astype(int)
    version = fairlead.package(module, numbers, labels, name="net", home=home)
    assert (version.runner, version.trainable) == ("onnx", "safetensors")
    assert "accuracy" in version.metrics
    assert loads(home, "net") == "onnx"


def test_a_program_of_torch_is_marked_and_loads_only_if_that_is_allowed(home: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module: Any = torch.nn.Module

    class Odd(module):  # type: ignore[misc]  # torch may be missing, and then is Any
        def forward(self, rows: Any) -> Any:
            return torch.special.bessel_j0(rows).sum(1)

    frame, _ = customers(120)
    numbers = frame[["age", "visits"]]
    version = fairlead.package(Odd(), numbers, name="odd", home=home, allow_pickle=True)
    assert (version.runner, version.pickle) == ("torch", True)
    assert any("bessel_j0" in note for note in version.notes)
    with pytest.raises(fairlead.BundleError, match="pickle"):
        loads(home, "odd")
    assert loads(home, "odd", allow_pickle=True) == "torch"


def test_a_python_folder(home: Path, reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "model.py").write_text(CODE)
    (folder / "factor.txt").write_text("2")
    said = run(home, "package", str(folder), "--name", "rule", "--reference", str(reference))
    assert "rule:1 is registered, served by python" in said
    assert loads(home, "rule") == "python"
    assert loads(home, "rule") == "python", "a run leaves nothing in the bundle"


def test_an_onnx_file(home: Path, reference: Path, tmp_path: Path) -> None:
    frame, left = customers(120)
    fairlead.package(churn_model(frame, left), frame, left, name="first", home=home)
    workspace = Workspace(home)
    bundle = workspace.bundle(workspace.registry.resolve("first"))
    numbers = pd.DataFrame(np.arange(12.0).reshape(6, 2), columns=["a", "b"])
    fitted = LinearRegression().fit(numbers, [1, 2, 3, 4, 5, 7])
    fairlead.package(fitted, numbers, name="line", home=home)
    line = workspace.bundle(workspace.registry.resolve("line"))
    model, rows = tmp_path / "line.onnx", tmp_path / "rows.csv"
    model.write_bytes(read_file(line, "model.onnx"))
    numbers.to_csv(rows, index=False)
    said = run(home, "package", str(model), "--name", "taken", "--reference", str(rows))
    assert "served by onnx" in said
    assert loads(home, "taken") == "onnx"
    assert bundle.info.runner.kind == "onnx"


def test_what_has_no_onnx_form_is_served_as_itself_and_says_why(home: Path) -> None:
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    model = IsolationForest(n_estimators=5, random_state=0).fit(numbers)
    version = fairlead.package(model, numbers, name="odd", home=home)
    assert loads(home, "odd") == version.runner
    if version.runner == "sklearn":
        assert "Not served as ONNX" in version.notes[0]


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_booster_over_categories_is_served_by_its_library_and_says_why(
    home: Path, library: Library
) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    frame, _ = customers(120)
    frame["plan"] = frame["plan"].fillna("none").astype("category")
    models = {
        "xgboost": lambda: module.XGBRegressor(n_estimators=5, enable_categorical=True),
        "lightgbm": lambda: module.LGBMRegressor(n_estimators=5, verbose=-1),
        "catboost": lambda: module.CatBoostRegressor(
            iterations=5, cat_features=["plan"], verbose=0, allow_writing_files=False
        ),
    }
    signal = np.array(frame["age"]) + 50.0 * np.array(frame["plan"] == frame["plan"].iloc[0])
    version = fairlead.package(models[library]().fit(frame, signal), frame, name="odd", home=home)
    assert version.runner == version.trainable == library
    assert "Not served as ONNX" in version.notes[0]
    assert loads(home, "odd") == library


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_booster_is_served_as_onnx_with_its_own_file_beside_it(
    home: Path, library: Library
) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    numbers = np.random.default_rng(0).normal(size=(80, 3))
    kinds = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}
    model = getattr(module, kinds.get(library, "CatBoostClassifier"))()
    if library == "catboost":
        model.set_params(iterations=9, verbose=0, allow_writing_files=False)
    model.fit(numbers, (numbers[:, 0] > 0).astype(int))
    version = fairlead.package(model, numbers, name="trees", home=home)
    assert (version.runner, version.trainable) == ("onnx", library)
    assert loads(home, "trees") == "onnx"


def _doubled(values: object) -> object:
    return values + values  # type: ignore[operator]


def test_a_pickle_is_made_and_loaded_only_where_that_is_said(home: Path) -> None:
    from sklearn.pipeline import make_pipeline

    numbers = pd.DataFrame(np.arange(12.0).reshape(6, 2), columns=["a", "b"])
    model = make_pipeline(FunctionTransformer(_doubled), LinearRegression())
    model.fit(numbers, [1, 2, 3, 4, 5, 7])
    with pytest.raises(fairlead.ExportError, match="safe form"):
        fairlead.package(model, numbers, name="odd", home=home)
    version = fairlead.package(model, numbers, name="odd", allow_pickle=True, home=home)
    assert version.pickle
    assert "PICKLE" in run(home, "models")
    assert "PICKLE" in run(home, "show", "odd:1")
    with pytest.raises(fairlead.BundleError, match="pickle"):
        loads(home, "odd:1")
    assert "--allow-pickle" in run(home, "up", "odd:1", "--port=0", "--control-port=0", status=1)


def test_what_is_said_of_fields_holds(home: Path) -> None:
    frame, left = customers(80)
    version = fairlead.package(
        churn_model(frame, left),
        frame,
        name="churn",
        fields={
            "age": {"low": 0, "coerce": True, "missing": "impute", "impute": 40},
            "plan": {"unknown": "error"},
        },
        extra="ignore",
        home=home,
    )
    age, _, plan = version.signature.inputs
    assert (age.low, age.coerce, age.missing, age.impute) == (0, True, "impute", 40)
    assert (plan.unknown, plan.missing, version.signature.extra) == ("error", "allow", "ignore")
    assert loads(home, "churn") == "onnx"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"agee": {"low": 0}}, "Did you mean 'age'"),
        ({"age": {"lo": 0}}, "Did you mean 'low'"),
        ({"age": {"missing": "allow"}}, "does not answer rows whose 'age' is missing"),
        ({"age": {"missing": "impute"}}, "no value for it"),
    ],
)
def test_what_makes_no_sense_of_fields_is_refused(
    home: Path, fields: dict[str, dict[str, object]], said: str
) -> None:
    frame, left = customers(60)
    with pytest.raises(fairlead.ConfigError, match=said):
        fairlead.package(churn_model(frame, left), frame, name="churn", fields=fields, home=home)


@pytest.mark.parametrize("name", ["Churn", "a/b", "../x", "", "a" * 64, "x:1"])
def test_a_name_that_cannot_be_one_is_refused(home: Path, name: str) -> None:
    frame, left = customers(60)
    with pytest.raises(fairlead.FairleadError, match="name"):
        fairlead.package(churn_model(frame, left), frame, left, name=name, home=home)


def test_labels_must_be_as_many_as_rows(home: Path) -> None:
    frame, left = customers(60)
    with pytest.raises(fairlead.InputError, match="60 reference rows and 59 labels"):
        fairlead.package(churn_model(frame, left), frame, left[:-1], name="churn", home=home)


def test_the_same_bundle_is_the_same_version(home: Path, tmp_path: Path) -> None:
    frame, left = customers(60)
    fairlead.package(churn_model(frame, left), frame, left, name="churn", home=home)
    file = tmp_path / "churn.fairlead"
    run(home, "export", "churn:1", "-o", str(file))
    assert "churn:1" in run(home, "import", str(file))
