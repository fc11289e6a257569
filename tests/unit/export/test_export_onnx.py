"""The ONNX file with its description: whoever keeps to the description gets the right answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import fairlead
from fairlead.app.exporting import export_version
from fairlead.app.workspace import Workspace
from fairlead.bundle.types import MISSING_TEXT
from fairlead.errors import ExportError
from fairlead.export.browser.limits import check_opsets
from fairlead.export.graph import check_domains
from fairlead.export.mobile import mobile_of
from fairlead.export.texts import without_nul
from support.models import package_churn

DTYPES = {"double": np.float64, "float": np.float32, "int64": np.int64, "string": np.object_}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    package_churn(workspace.home.path)
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def folder(workspace: Workspace) -> Path:
    return export_version(workspace, "churn:1", "onnx", workspace.home.path / "out").path


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return found


def run(folder: Path, feeds: dict[str, Any]) -> dict[str, Any]:
    """What the file answers on onnxruntime, by the names of its outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def fed(tensor: dict[str, Any], rows: Any) -> Any:
    """An input as the description says: null stands for NaN."""
    array = np.array(rows, dtype=object)
    if tensor["element"] != "string":
        array = np.where(array == None, np.nan, array)  # noqa: E711  # of each element
    return array.astype(DTYPES[tensor["element"]])


def test_the_examples_are_answered_as_described(folder: Path) -> None:
    told = described(folder)
    assert told["version"] == "churn:1"
    got = run(folder, {each["name"]: fed(each, each["example"]) for each in told["inputs"]})
    for output in told["outputs"]:
        found = got[output["name"]]
        assert len(found) == told["rows"]
        if output["element"] == "string":
            assert found.tolist() == output["example"]
        else:
            assert np.allclose(found, output["example"], rtol=0, atol=told["tolerance"]["absolute"])


def test_element_types_shapes_and_fields_are_those_of_the_file(folder: Path) -> None:
    numbers, plan = described(folder)["inputs"]
    assert (numbers["element"], numbers["shape"]) == ("double", ["rows", 2])
    assert [field["name"] for field in numbers["fields"]] == ["age", "visits"]
    assert numbers["missing"] is None
    assert (plan["element"], plan["shape"]) == ("string", ["rows", 1])
    assert plan["fields"][0]["categories"] == ["free", "pro", "team"]


def test_a_missing_text_is_what_the_description_says(workspace: Workspace, folder: Path) -> None:
    from fairlead.runners.load import answer_all
    from fairlead.signature import from_records

    plan = described(folder)["inputs"][1]
    assert "\0" not in plan["missing"]
    bundle = workspace.bundle(workspace.registry.resolve("churn:1"))
    batch = from_records(bundle.info.signature, [{"age": 30.5, "visits": 4, "plan": None}])
    want = answer_all(bundle, batch).column("probabilities")
    numbers = {described(folder)["inputs"][0]["name"]: np.array([[30.5, 4.0]])}
    missing = run(folder, {**numbers, plan["name"]: np.array([[plan["missing"]]], dtype=object)})
    unseen = run(folder, {**numbers, plan["name"]: np.array([["no plan"]], dtype=object)})
    assert np.allclose(missing["probabilities"], want, rtol=0, atol=1e-9)
    assert not np.allclose(unseen["probabilities"], want, rtol=0, atol=1e-9)


def test_the_page_says_the_same_for_people(folder: Path) -> None:
    page, told = (folder / "README.md").read_text(), described(folder)
    for tensor in (*told["inputs"], *told["outputs"]):
        assert f"`{tensor['name']}`" in page
        for field in tensor["fields"]:
            assert f"| {field['name']} |" in page
    assert "| 1 | visits | integer | a whole number below 2^53 |" in page
    assert "one of 3 known categories, or missing" in page
    assert "left, stayed" in page
    assert told["mobile"]["source"] in page


def test_what_the_reduced_build_for_phones_lacks_is_named(folder: Path) -> None:
    mobile = described(folder)["mobile"]
    assert mobile["packages"][0] == "onnxruntime-android"
    assert any("LabelEncoder" in lack for lack in mobile["outside"])
    assert "input 'numbers' of DOUBLE" in mobile["outside"]


def relu(opset: int = 15, *, domain: str = "", op: str = "Relu") -> onnx.ModelProto:
    """A graph of one node."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])
    node = helper.make_node(op, ["x"], ["y"], name="only", domain=domain)
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(
        helper.make_graph([node], "one", [given], [made]), opset_imports=opsets
    )


def test_a_small_network_runs_on_the_reduced_build_too() -> None:
    assert mobile_of(relu()).outside == ()
    assert mobile_of(relu(21)).outside == ("opset 21: it has 12 to 15",)
    assert mobile_of(relu(op="Tan")).outside == ("Tan 'only'",)


def test_an_operator_of_somebodys_own_is_refused_by_the_name_of_its_node() -> None:
    check_domains(relu(domain="com.microsoft", op="Gelu"))
    with pytest.raises(ExportError, match=r"The node Best 'only' is an operator of org\.own"):
        check_domains(relu(domain="org.own", op="Best"))


def test_a_graph_that_is_newer_than_the_runtime_of_browsers_is_refused() -> None:
    check_opsets(relu(26))
    with pytest.raises(ExportError, match=r"is of ai\.onnx 27; .* up to 26"):
        check_opsets(relu(27))


def test_text_with_a_nul_is_refused_by_where_it_is() -> None:
    model = relu()
    assert without_nul(model) == without_nul(relu())
    model.graph.initializer.append(
        helper.make_tensor("names", TensorProto.STRING, [2], [b"a", MISSING_TEXT.encode()])
    )
    missing = without_nul(model)
    assert model.graph.initializer[0].string_data[1] == missing.encode()
    model.graph.node[0].attribute.append(helper.make_attribute("keys", ["a\0b"]))
    with pytest.raises(ExportError, match="The node Relu 'only' holds text with a NUL"):
        without_nul(model)


def test_what_is_no_graph_has_no_onnx_file(workspace: Workspace, tmp_path: Path) -> None:
    from sklearn.neighbors import RadiusNeighborsClassifier

    rows = np.array([[0.0], [1.0], [2.0], [3.0]] * 5)
    model = RadiusNeighborsClassifier(0.6).fit(rows, [0, 0, 1, 1] * 5)
    version = fairlead.package(model, rows, name="near", home=workspace.home.path)
    with pytest.raises(ExportError, match="answered by sklearn"):
        export_version(workspace, version.name, "onnx", tmp_path / "near")
