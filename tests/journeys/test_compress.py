"""A model packaged, made smaller by one line, and answering over HTTP as its own receipt says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import fairlead
from fairlead.app.catalogue import WorkspaceCatalogue
from fairlead.app.compressing import compress_version
from fairlead.app.workspace import Workspace
from fairlead.bundle import compare, decode_receipt, read_file
from fairlead.runners.load import answer_all
from fairlead.signature import to_records
from support.compress import FIELDS, package_network, rows
from support.platform import Platform
from support.platform import fairlead as run

CODE = """
import numpy as np

class Model:
    def load(self):
        pass

    def predict(self, batch):
        second = 1.0 / (1.0 + np.exp(4.0 * batch["b"] - 2.0 * batch["a"] - batch["c"]))
        shares = np.column_stack([1.0 - second, second])
        return {"label": (second > 0.5).astype(np.int64), "probabilities": shares}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `side:1`, and rows with labels beside it."""
    home = tmp_path_factory.mktemp("compress") / ".fairlead"
    package_network(home)
    values, side = rows(1500, seed=3)
    labelled = pl.DataFrame(values, FIELDS).with_columns(side=pl.Series(side))
    labelled.write_parquet(home.parent / "rows.parquet")
    return home


@pytest.fixture(scope="module")
def said(home: Path) -> str:
    """What the command printed that made `side:2`."""
    return run(
        home, "compress", "side:1", "--data", str(home.parent / "rows.parquet"), "--label", "side",
        "--methods", "prune,int8", "--plot", str(home.parent / "forms.html"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def platform(home: Path, said: str) -> Iterator[Platform]:
    with Platform(home, "--workers=1") as running:
        yield running


def test_it_says_what_it_gained_and_what_it_lost(home: Path, said: str) -> None:
    assert "600 rows to fit forms to, 450 to choose one by, 450 to report on" in said
    assert "Registered as side:2: prune" in said
    page = (home.parent / "forms.html").read_text()
    assert "What each form loses" in page
    shown = run(home, "show", "side:2")
    assert "x smaller" in shown
    assert "parent" in shown
    assert "metric on the 450 rows reported on" in shown
    assert "Note: It was made smaller: prune" in shown


def test_the_version_says_how_it_was_made(home: Path, said: str) -> None:
    workspace = Workspace(home)
    first, second = (workspace.registry.resolve(f"side:{number}") for number in (1, 2))
    info = workspace.bundle(second).info
    made = info.compression
    assert made is not None
    assert made.original == info.parent == first.digest
    assert made.evidence["size"].value > 2.0
    assert made.evidence["agreement"].low > 0.95
    assert made.data is not None
    assert (made.rows, made.data.rows) == (450, 1500)
    assert set(made.measured_on) == {"processor", "onnxruntime"}
    workspace.close()


def test_the_console_tells_the_form_and_on_which_rows_it_was_measured(
    home: Path, said: str
) -> None:
    workspace = Workspace(home)
    catalogue = WorkspaceCatalogue(workspace)
    line = catalogue.version("side:2").line
    assert line.update["form"].startswith("prune")
    assert "x smaller" in line.update["gained"]
    assert line.measured is not None
    assert line.measured.rows == 450
    beside = catalogue.compare("side", 1, 2)
    assert not beside.same_rows
    assert "form" in {fact.name for fact in beside.facts}
    workspace.close()


def test_a_smaller_form_whose_bytes_were_changed_never_answers(
    platform: Platform, home: Path
) -> None:
    run(home, "deploy", "side:1")
    workspace = Workspace(home)
    version = workspace.registry.resolve("side:2")
    blob = Path(workspace.blobs.locate(version.blob))
    whole = blob.read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 0x10
    blob.write_bytes(damaged)
    shutil.rmtree(workspace.home.cache / version.digest, ignore_errors=True)
    try:
        refused = run(home, "deploy", "side:2", status=1)
    finally:
        blob.write_bytes(whole)
    assert "failed" in refused or "damaged" in refused
    answer = platform.predict("side", {"rows": [dict.fromkeys(FIELDS, 1.0)]}).json
    assert answer["predictions"][0]["version"] == "side:1"
    workspace.close()


def test_it_answers_over_http_as_its_receipt_says(platform: Platform, home: Path) -> None:
    run(home, "deploy", "side:2")
    workspace = Workspace(home)
    bundle = workspace.bundle(workspace.registry.resolve("side:2"))
    receipt = decode_receipt(read_file(bundle, "receipt.json"))
    asked = to_records(bundle.info.signature.inputs, receipt.inputs)
    answers = platform.predict("side", {"rows": asked}).json["predictions"]
    assert {answer["version"] for answer in answers} == {"side:2"}
    assert [answer["label"] for answer in answers] == receipt.outputs.column("label").tolist()
    again = answer_all(bundle, receipt.inputs)
    assert compare(receipt.outputs, again, bundle.info.tolerance) == ()
    workspace.close()


def test_nothing_is_registered_by_a_dry_run_and_json_has_all(home: Path, said: str) -> None:
    before = len(run(home, "models").splitlines())
    told = json.loads(run(
        home, "compress", "side:1", "--data", str(home.parent / "rows.parquet"), "--dry-run",
        "--methods", "int8", "--max-drop", "2pp", "--target", "size", "--json",
    ))  # fmt: skip
    assert (told["version"], told["registered"]) == (None, False)
    assert told["forms"][told["chosen"]]["steps"][0]["method"] == "int8"
    assert "There are no labels" in told["notes"][0]
    assert len(run(home, "models").splitlines()) == before


def test_the_same_form_again_is_the_version_that_is_there(home: Path, said: str) -> None:
    arguments = ("compress", "side:1", "--data", str(home.parent / "rows.parquet"),
                 "--methods", "int8", "--max-drop", "2pp", "--target", "size")  # fmt: skip
    first = run(home, *arguments).splitlines()[-1]
    name = first.removeprefix("Registered as ").partition(": ")[0]
    assert name.startswith("side:")
    assert run(home, *arguments).splitlines()[-1] == f"{name} is this form already: int8."
    labelled = run(home, *arguments, "--label", "side").splitlines()[-1]  # which tells more of it
    assert labelled.startswith("Registered as side:")
    workspace = Workspace(home)
    before = workspace.registry.versions("side")
    workspace.registry.let_go(name, "tests", "newer ones took its place")
    assert run(home, *arguments).splitlines()[-1].startswith("Registered as side:")
    assert len(workspace.registry.versions("side")) == len(before) + 1
    workspace.close()


def test_a_model_that_is_no_graph_gets_a_student(home: Path, tmp_path: Path) -> None:
    code = tmp_path / "model"
    code.mkdir()
    (code / "model.py").write_text(CODE)
    values, side = rows(300, seed=7)
    fairlead.package(code, pl.DataFrame(values, FIELDS), side, name="own", home=home)
    data = str(home.parent / "rows.parquet")
    printed = run(home, "compress", "own:1", "--data", data, "--label", "side", "--methods",
                  "distil", "--minutes", "0.3", "--target", "latency")  # fmt: skip
    assert "Registered as own:2: distil" in printed
    workspace = Workspace(home)
    labelled = pl.read_parquet(data)
    found = compress_version(workspace, "own:1", labelled, label="side", methods=["prune", "int8"])
    assert [(one.steps[0].method, one.reason) for one in found.outcome.refused] == [
        ("prune", "The version is no graph; distil makes it one."),
        ("int8", "The version is no graph; distil makes it one."),
    ]
    bundle = workspace.bundle(workspace.registry.resolve("own:2"))
    assert bundle.info.runner.kind == "onnx"
    receipt = decode_receipt(read_file(bundle, "receipt.json"))
    assert compare(receipt.outputs, answer_all(bundle, receipt.inputs), bundle.info.tolerance) == ()
    workspace.close()
