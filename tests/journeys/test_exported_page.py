"""A version as a page in Chromium: from disk, without a network, it answers as Python does."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

import fairlead
from fairlead.app.exporting import export_version
from fairlead.app.workspace import Workspace
from fairlead.runners.load import answer_all
from fairlead.signature import from_records, to_records
from support.axe import hindrances
from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.models import PLANS, churn_model, customers
from support.runtime import web_runtime

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROWS = 60


def numbers(rows: int = 300, seed: int = 3) -> tuple[Any, Any]:
    """Rows of eight numbers of several magnitudes, in three classes."""
    random = np.random.default_rng(seed)
    rows_of = random.normal(0, 1, (rows, 8)) * 10.0 ** np.arange(-3, 5)
    kinds = (rows_of[:, 3] > 0).astype(int) + (rows_of[:, 5] / 100 + rows_of[:, 4] / 10 > 0)
    return rows_of, np.array(["low", "mid", "high"])[kinds]


def forest() -> tuple[Any, ...]:
    from sklearn.ensemble import RandomForestClassifier

    X, y = numbers()
    return RandomForestClassifier(20, random_state=0).fit(X, y), X, y


def boosting() -> tuple[Any, ...]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = numbers()
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.05, np.nan, X)
    return HistGradientBoostingClassifier(max_iter=10).fit(X, y), X, y


def regressor() -> tuple[Any, ...]:
    from sklearn.ensemble import GradientBoostingRegressor

    X, _ = numbers()
    return GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, X[:, 0] * 7), X, None


def network() -> tuple[Any, ...]:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = numbers()
    network = MLPClassifier((32, 16), max_iter=400, tol=1e-2, random_state=0)
    return make_pipeline(StandardScaler(), network).fit(X, y), X, y


def pipeline() -> tuple[Any, ...]:
    frame, left = customers()
    return churn_model(frame, left), frame, left


def words() -> tuple[Any, ...]:
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    said, kind = texts()
    prepare = make_column_transformer((TfidfVectorizer(sublinear_tf=True), "review"))
    return make_pipeline(prepare, LogisticRegression()).fit(said, kind), said, kind


def texts(rows: int = 200, seed: int = 3) -> tuple[pd.DataFrame, Any]:
    """Texts of a few words in small letters and capitals; the first word tells the kind."""
    random = np.random.default_rng(seed)
    known = np.array(["gut", "GUT", "schlecht", "Größe", "größe", "the", "Taxi", "北京", "2nd"])
    said = [random.choice(known, random.integers(1, 12)) for _ in range(rows)]
    return pd.DataFrame({"review": list(map(", ".join, said))}), np.array(
        [words[0].lower() == "gut" for words in said]
    )


def convolution() -> tuple[Any, ...]:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 10),
        torch.nn.Softmax(1),
    ).eval()
    images = np.random.default_rng(0).random((80, 1, 8, 8)).astype(np.float32)
    return module, images, None


def typed() -> tuple[Any, ...]:
    """A graph with tensors of many element types, as somebody's file."""
    kinds = {
        "long": TensorProto.INT64, "short": TensorProto.INT16, "byte": TensorProto.UINT8,
        "single": TensorProto.FLOAT, "flag": TensorProto.BOOL, "word": TensorProto.STRING,
    }  # fmt: skip
    shape = {"byte": ["rows", 2, 3]}
    given = [
        helper.make_tensor_value_info(name, kind, shape.get(name, ["rows", 1]))
        for name, kind in kinds.items()
    ]
    made = [
        helper.make_tensor_value_info(f"{name}_out", kind, shape.get(name, ["rows", 1]))
        for name, kind in kinds.items()
    ]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in kinds]
    graph = helper.make_graph(nodes, "typed", given, made)
    opsets = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), typed_rows(80), None


def typed_rows(rows: int, seed: int = 1) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [
        {
            "long": int(random.integers(-(2**52), 2**52)),
            "short": int(random.integers(-(2**15), 2**15)),
            "byte": random.integers(0, 256, (2, 3)).tolist(),
            "single": float(random.normal()),
            "flag": bool(random.random() < 0.5),
            "word": str(random.choice(["größer", "", "🚢", "a\nb"])),
        }
        for _ in range(rows)
    ]


MODELS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "forest": forest, "boosting": boosting, "regressor": regressor, "network": network,
    "pipeline": pipeline, "convolution": convolution, "typed": typed, "words": words,
}  # fmt: skip


def unseen(name: str) -> list[dict[str, Any]]:
    """Rows that the model was not packaged with, as callers send them."""
    random = np.random.default_rng(99)
    if name == "pipeline":
        frame, _ = customers(ROWS, seed=99)
        rows = [{k: v for k, v in row.items() if v == v} for row in frame.to_dict("records")]
        odd = ("", "missing", "\ue000missing", "FREE", "free ", "Zürich 🚢")
        return rows + [{**rows[0], "plan": plan} for plan in (*PLANS, *odd)]
    if name == "convolution":
        return [{"x0": random.random((1, 8, 8)).tolist()} for _ in range(ROWS)]
    if name == "words":
        frame, _ = texts(ROWS, seed=99)
        strange = ("", "TAX\u0130gut", "gut\u0301 taxi_2nd", "🚢gut\nGR\u00d6\u1e9eE", "gut" * 3000)
        return [*frame.to_dict("records"), *({"review": text} for text in strange)]
    if name == "typed":
        return typed_rows(ROWS, seed=99)
    found, _ = numbers(ROWS, seed=99)
    return [dict(zip([f"x{n}" for n in range(8)], row, strict=True)) for row in found.tolist()]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def exported(workspace: Workspace) -> Callable[[str], Path]:
    """Packages a model and writes its page, once."""
    web_runtime()
    made: dict[str, Path] = {}

    def export(name: str) -> Path:
        if name not in made:
            model, rows, labels = MODELS[name]()
            if isinstance(model, onnx.ModelProto):
                file = workspace.home.path / f"{name}.onnx"
                onnx.save(model, file)
                model = file
            fairlead.package(model, rows, labels, name=name, home=workspace.home.path)
            out = workspace.home.path / f"{name}.html"
            made[name] = export_version(
                workspace, f"{name}:1", "browser", out, single_file=True
            ).path
        return made[name]

    return export


def opened(page: Page, file: Path) -> Page:
    """The page once it has checked itself, which it must do with success."""
    page.goto(file.as_uri())
    standing = page.locator("#standing[data-state]")
    standing.wait_for()
    assert standing.get_attribute("data-state") == "good", standing.inner_text()
    return page


@pytest.fixture(scope="module")
def standing(exported: Callable[[str], Path], browser: Browser) -> Iterator[Page]:
    """A page that stays open, for what leaves no trace on it."""
    file = exported("pipeline")
    with Visit(browser, file.parent.as_uri()) as page:
        yield opened(page, file)


def ask(page: Page, text: str) -> None:
    page.fill("#pasted", text)
    page.click("#many [type=submit]")
    page.locator("#many [type=submit]:enabled").wait_for()


def answered(page: Page, text: str) -> list[dict[str, Any]]:
    """What the page answers to rows that are pasted."""
    ask(page, text)
    found = json.loads(page.locator("#whole-json").text_content() or "")
    answers: list[dict[str, Any]] = found["predictions"]
    return answers


def expected(workspace: Workspace, name: str, rows: Any) -> list[dict[str, Any]]:
    """What Python answers."""
    bundle = workspace.bundle(workspace.registry.resolve(f"{name}:1"))
    batch = from_records(bundle.info.signature, rows)
    return to_records(bundle.info.signature.outputs, answer_all(bundle, batch))


def mismatches(want: Any, have: Any, tolerance: float) -> int:
    """Values that differ: text and whole numbers at all, others by more than the tolerance."""
    if isinstance(want, dict):
        assert want.keys() == have.keys()
        return sum(mismatches(want[key], have[key], tolerance) for key in want)
    if isinstance(want, list):
        assert len(want) == len(have)
        return sum(map(lambda a, b: mismatches(a, b, tolerance), want, have))
    if isinstance(want, float) and not want.is_integer():
        return int(not math.isclose(want, have, rel_tol=tolerance, abs_tol=tolerance))
    return int(want != have)


@pytest.mark.parametrize("name", MODELS)
def test_a_page_answers_as_python_does(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser, name: str
) -> None:
    file, rows = exported(name), unseen(name)
    info = workspace.bundle(workspace.registry.resolve(f"{name}:1")).info
    assert info.runner.kind == "onnx"
    assert file.stat().st_size < 6_500_000
    with Visit(browser, file.parent.as_uri()) as page:
        found = answered(opened(page, file), json.dumps(rows))
    tolerance = max(info.tolerance.absolute, info.tolerance.relative)
    assert mismatches(expected(workspace, name, rows), found, tolerance) == 0


def test_the_form_asks_for_each_field_and_shows_the_answer(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser
) -> None:
    row = {"age": 42.5, "visits": 3, "plan": "pro"}
    file = exported("pipeline")
    with Visit(browser, file.parent.as_uri()) as page:
        opened(page, file)
        page.get_by_role("spinbutton", name="age").fill("42.5")
        page.get_by_role("spinbutton", name="visits").fill("3")
        page.get_by_role("combobox", name="plan").fill("pro")
        page.get_by_role("button", name="Predict", exact=True).click()
        page.locator("#answer .large").wait_for()
        found = json.loads(page.locator("#whole-json").text_content() or "")["predictions"]
        shown = page.locator("#answer .large").inner_text()
    (want,) = expected(workspace, "pipeline", [row])
    assert mismatches([want], found, 1e-9) == 0
    assert shown == want["label"]


def test_a_wrong_row_is_refused_in_the_words_of_python(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser
) -> None:
    file = exported("pipeline")
    rows = [{"age": "old", "visits": 1.5, "plan": 7}, {"agee": 1, "visits": 2}]
    with pytest.raises(fairlead.InputError) as told:
        expected(workspace, "pipeline", rows)
    with Visit(browser, file.parent.as_uri()) as page:
        ask(opened(page, file), json.dumps(rows))
        assert page.locator("#answer > .problem").inner_text() == told.value.message
        assert page.locator("#answer > .note").inner_text() == told.value.hint
        listed = page.locator("#answer .problems li").all_inner_texts()
        page.get_by_role("spinbutton", name="visits").fill("9007199254740992")
        page.get_by_role("button", name="Predict", exact=True).click()
        beside = page.locator("[data-problem]:not(:empty)").inner_text()
        focused = page.evaluate("() => document.activeElement.value")
    assert listed == [f"row {p.row}, field '{p.field}': {p.message}" for p in told.value.problems]
    with pytest.raises(fairlead.InputError) as one:
        expected(workspace, "pipeline", [{"age": 1, "visits": 2**53, "plan": "pro"}])
    assert beside == one.value.problems[0].message
    assert focused == "9007199254740992"


def test_rows_come_as_csv_too(workspace: Workspace, standing: Page) -> None:
    rows = [*unseen("pipeline")[:20], {"age": 1, "visits": 2, "plan": 'a, "b"\nc'}]
    written = io.StringIO()
    lines = csv.DictWriter(written, ["plan", "age", "visits"])
    lines.writeheader()
    lines.writerows(rows)
    found = answered(standing, written.getvalue())
    assert mismatches(expected(workspace, "pipeline", rows), found, 1e-9) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1", "The JSON is malformed."),
        ('[{"age": 1e999}]', "The JSON holds a number beyond the range of a double."),
        ("age,visits\n1", "Row 0 has 1 cells, the line of names 2."),
        ('[{"age": 1, "visits": 2, "plan": "a\\u0000b"}]', "which ends a text in a browser."),
    ],
)
def test_what_cannot_be_read_is_told(standing: Page, text: str, said: str) -> None:
    ask(standing, text)
    assert said in standing.locator("#answer > .problem").inner_text()


def test_a_folder_runs_from_disk_as_well(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser, tmp_path: Path
) -> None:
    exported("pipeline")
    folder = export_version(workspace, "pipeline:1", "browser", tmp_path / "page").path
    rows = unseen("pipeline")
    with Visit(browser, tmp_path.as_uri()) as page:
        found = answered(opened(page, folder / "index.html"), json.dumps(rows))
    assert mismatches(expected(workspace, "pipeline", rows), found, 1e-9) == 0
    assert "Microsoft" in (folder / "onnxruntime-licence.txt").read_text()


def test_a_model_that_answers_otherwise_does_not_answer(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser, tmp_path: Path
) -> None:
    exported("pipeline")
    folder = export_version(workspace, "pipeline:1", "browser", tmp_path / "page").path
    facts = folder / "facts.js"
    before, _, told = facts.read_text().partition(" = ")
    read = json.loads(told.strip().removesuffix(";"))
    labels = read["receipt"]["outputs"]["columns"]["label"]["values"]
    labels[0] = next(label for label in labels if label != labels[0])
    facts.write_text(f"{before} = {json.dumps(read)};")
    with Visit(browser, tmp_path.as_uri()) as page:
        page.goto((folder / "index.html").as_uri())
        standing = page.locator("#standing[data-state=wrong]")
        standing.wait_for()
        assert "1 of" in standing.inner_text()
        assert page.get_by_role("button", name="Predict", exact=True).is_disabled()


def test_a_graph_that_the_runtime_does_not_know_is_told_by_its_operator(
    workspace: Workspace, exported: Callable[[str], Path], browser: Browser, tmp_path: Path
) -> None:
    exported("pipeline")
    folder = export_version(workspace, "pipeline:1", "browser", tmp_path / "page").path
    tensor = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Unheard", ["x"], ["y"], name="the_node")
    graph = helper.make_graph([node], "one", tensor[:1], tensor[1:])
    opsets = [helper.make_opsetid("", 21)]
    raw = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    held = base64.b64encode(raw).decode()
    (folder / "model.js").write_text(f"(globalThis.FAIRLEAD ??= {{}}).model = '{held}';")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((folder / "index.html").as_uri())
        standing = page.locator("#standing[data-state=wrong]")
        standing.wait_for()
        told = standing.inner_text()
    assert told.startswith("The model cannot run in this browser: ")
    assert "Unheard" in told


def test_the_page_is_for_everyone(exported: Callable[[str], Path], browser: Browser) -> None:
    file = exported("pipeline")
    view = {"width": 390, "height": 800}
    with Visit(browser, file.parent.as_uri(), viewport=view, bypass_csp=True) as page:
        ask(opened(page, file), json.dumps([{"age": "x"}, {"age": "y"}]))
        for scheme in SCHEMES:
            wear(page, scheme)
            assert overhang_px(page) == 0
            assert faint(page) == {}
            assert hindrances(page) == []


def test_what_no_browser_runs_is_refused_with_the_reason(
    workspace: Workspace, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    notes = pd.DataFrame({"note": ["good", "bad", "very good", "very bad"] * 10})
    words = make_column_transformer((TfidfVectorizer(ngram_range=(1, 2)), "note"))
    model = make_pipeline(words, LogisticRegression()).fit(notes, [1, 0, 1, 0] * 10)
    version = fairlead.package(model, notes, name="notes", home=workspace.home.path)
    with pytest.raises(fairlead.ExportError, match="answered by sklearn, not by an ONNX graph"):
        export_version(workspace, version.name, "browser", tmp_path / "page")
    assert list(tmp_path.iterdir()) == []
