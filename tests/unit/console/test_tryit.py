"""The try-it page: a control for every field, nothing inline, nothing that a name can break."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fairlead.console.page import PAGES, STATIC
from fairlead.console.static import OURS
from fairlead.console.tryit import render_try
from fairlead.signature import Field, Signature
from support.html import Page
from support.waiting import PATIENCE_S

HOSTILE = "\"><script>alert(1)</script>' onfocus='x"
SVG_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
NODE = shutil.which("node")
BASH = shutil.which("bash")


def field(name: str, kind: Any, **more: Any) -> Field:
    return Field(name=name, kind=kind, **more)


FIELDS = (
    field("age", "number", low=18.5, high=90.0),
    field("visits", "integer", low=0, high=40, missing="allow", nullable=True),
    field("member", "boolean"),
    field("plan", "category", categories=("free", "pro")),
    field("level", "category", categories=(1, 2), unknown="allow"),
    field("city", "category"),
    field("note", "text"),
    field("at", "timestamp"),
    field("photo", "image"),
    field("sound", "audio", missing="allow"),
    field("grid", "tensor", shape=(2, -1)),
)
OUTPUTS = (
    field("label", "category", categories=("no", "yes")),
    field("probabilities", "tensor", shape=(2,), categories=("no", "yes")),
)
EXAMPLE: dict[str, object] = {
    "age": 54.25, "member": True, "plan": "pro", "level": 2, "note": "\n two\nlines",
    "at": "2024-01-31T12:00:00+02:00", "grid": [[1, 2], [3, 4]],
}  # fmt: skip


def render(
    inputs: tuple[Field, ...] = FIELDS,
    outputs: tuple[Field, ...] = OUTPUTS,
    example: dict[str, object] | None = None,
    endpoint: str = "churn",
) -> Page:
    signature = Signature(inputs=inputs, outputs=outputs)
    shown = EXAMPLE if example is None else example
    return Page(render_try(endpoint, signature, "http://api.test:8080/", shown))


def test_every_field_has_a_labelled_control() -> None:
    page = render()
    labels = page.labels()
    assert [labels[f"field-{place}"] for place in range(len(FIELDS))] == [f.name for f in FIELDS]
    ids = {attributes["id"] for _, attributes, _ in page.elements if "id" in attributes}
    controls = [a for a in page.all("input", "select", "textarea") if a.get("type") != "submit"]
    for attributes in controls:
        named = attributes.get("id") in labels or attributes.get("aria-labelledby") in ids
        assert named or "data-missing" in attributes  # which stands inside its label
    for _, attributes, _ in page.elements:
        for reference in ("aria-labelledby", "aria-describedby", "for", "list"):
            assert set(attributes.get(reference, "").split()) <= ids
    assert len(ids) == len([a for _, a, _ in page.elements if "id" in a])


def test_each_kind_is_asked_for_in_its_own_way() -> None:
    page = render()
    kinds = {}
    for place, one in enumerate(FIELDS):
        tag, attributes, _ = page.by_id(f"field-{place}")
        kinds[one.name] = attributes.get("type", tag)
    assert kinds == {
        "age": "number", "visits": "number", "member": "checkbox", "plan": "select",
        "level": "text", "city": "text", "note": "textarea", "at": "datetime-local",
        "photo": "file", "sound": "file", "grid": "textarea",
    }  # fmt: skip
    sliders = [a for a in page.all("input") if "data-slider" in a]
    assert [(a["min"], a["max"], a["step"]) for a in sliders] == [
        ("18.5", "90", "0.1"), ("0", "40", "1"),
    ]  # fmt: skip
    assert page.by_id("field-8")[1]["accept"] == "image/*"
    known = [a["value"] for a in page.all("option")]
    assert known == ['"free"', '"pro"', "1", "2", '"no"', '"yes"']


def test_the_form_starts_with_the_example() -> None:
    page = render()
    assert page.by_id("field-0")[1]["value"] == "54.25"
    assert "checked" in page.by_id("field-2")[1]
    assert [a["value"] for a in page.all("option") if "selected" in a] == ['"pro"']
    assert page.by_id("field-4")[1]["value"] == "2"
    assert page.by_id("field-6")[2] == "\n\n two\nlines"  # a parser drops the first line break
    assert page.by_id("field-7")[1]["value"] == "2024-01-31T10:00:00"
    assert json.loads(page.by_id("field-10")[2]) == [[1, 2], [3, 4]]


def test_fields_that_may_be_missing_say_so_and_start_missing_without_a_value() -> None:
    boxes = [a for a in render().all("input") if "data-missing" in a]
    assert ["checked" in a for a in boxes] == [True, True]  # visits and sound
    boxes = [a for a in render(example={"visits": 3}).all("input") if "data-missing" in a]
    assert ["checked" in a for a in boxes] == [False, True]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = render()
    for tag, attributes, text in page.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert attributes["src"] in [f"{STATIC}/{name}" for name in OURS]
            assert not "".join(text)
        if tag == "link":
            assert attributes["href"] in [f"{STATIC}/{name}" for name in OURS]
    for name in OURS:
        content = (OURS[name] / name).read_text()
        outside = r"https?://|@import|innerHTML|outerHTML|eval\(|insertAdjacent"
        assert not re.search(outside, content.replace(SVG_NAMESPACE, ""))


def test_hostile_names_are_only_ever_text() -> None:
    inputs = (
        field(HOSTILE, "category", categories=(HOSTILE, "b"), missing="allow"),
        field(HOSTILE + "2", "text"),
        field(HOSTILE + "3", "category", categories=(HOSTILE,), unknown="allow"),
        field("</textarea><img src=x onerror=alert(1)>", "tensor", dtype="object", shape=(1,)),
    )
    outputs = (field(HOSTILE, "category", categories=(HOSTILE,)),)
    example: dict[str, object] = {
        HOSTILE: HOSTILE, HOSTILE + "2": "</textarea>" + HOSTILE, HOSTILE + "3": HOSTILE,
        inputs[3].name: ["</textarea><script>"],
    }  # fmt: skip
    page = render(inputs, outputs, example, endpoint=HOSTILE)
    assert len(page.all("script")) == 2  # both ours, see above
    assert page.all("img") == []
    assert not [n for _, a, _ in page.elements for n in a if n.startswith("on")]
    assert page.labels()["field-0"] == HOSTILE
    assert page.by_id("field-1")[2].removeprefix("\n") == example[HOSTILE + "2"]
    data = json.loads(page.by_id("page")[1]["data-page"])
    assert data["endpoint"] == HOSTILE
    assert re.fullmatch(r"/v1/endpoints/[\w%.~-]+/predict", data["predict"])


def test_feedback_offers_the_labels_that_are_known() -> None:
    def truth(*outputs: Field) -> tuple[str, dict[str, str]] | None:
        page = render(outputs=outputs)
        ids = [a.get("id") for _, a, _ in page.elements]
        return page.by_id("truth")[:2] if "truth" in ids else None

    assert truth(*OUTPUTS) == ("select", {"id": "truth", "data-form": "json"})
    unnamed = truth(field("label", "category"), OUTPUTS[1])
    assert unnamed is not None
    assert unnamed[0] == "select"
    number = truth(field("prediction", "number"))
    assert number is not None
    assert number[1]["type"] == "number"
    text = truth(field("summary", "text"))
    assert text is not None
    assert text[1]["type"] == "text"
    assert truth(field("embedding", "tensor", shape=(3,))) is None


@pytest.mark.parametrize(
    ("low", "high", "kind", "step"),
    [
        (0.0, 1e-5, "number", "1e-07"),
        (0.0, 5.0, "integer", "1"),
        (0.0, 123_456.0, "integer", "1000"),
        (3.0, 3.0, "number", None),
        (-1.7e308, 1.7e308, "number", None),
        (0.0, 5e-324, "number", None),
        (None, 3.0, "number", None),
    ],
)
def test_sliders_have_even_steps_where_there_is_a_range(
    low: float | None, high: float, kind: str, step: str | None
) -> None:
    page = render((field("x", kind, low=low, high=high),), example={"x": 1})
    sliders = [a for a in page.all("input") if "data-slider" in a]
    assert [a["step"] for a in sliders] == ([] if step is None else [step])


@pytest.mark.parametrize("value", ["soon", 1e300, -1e12, True, float("nan"), [1]])
def test_an_example_that_is_no_time_leaves_its_control_empty_or_right(value: object) -> None:
    page = render((field("at", "timestamp"),), example={"at": value})
    assert re.fullmatch(r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", page.by_id("field-0")[1]["value"])


ROW: list[list[Any]] = [
    ["it's", "a 'quote' $(touch x) `y` \\ \" ! \n ü 😀"],
    ["n", -1.5e-7],
    ["b", True],
    ["z", None],
    ["t", [[1, "a'b"], {"k": False}]],
    ["__proto__", "own"],
]


def run_node(code: str) -> str:
    assert NODE is not None
    module = (PAGES / "snippets.js").read_text() + code
    finished = subprocess.run(
        [NODE, "--input-type=module"], input=module, capture_output=True, text=True,
        timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    return finished.stdout


@pytest.mark.skipif(NODE is None or BASH is None, reason="needs node and bash")
def test_curl_sends_exactly_the_row_that_was_typed(tmp_path: Path) -> None:
    url = "http://api.test/v1/endpoints/it's/predict"
    command = run_node(f"process.stdout.write(curl({json.dumps(url)}, {json.dumps(ROW)}))")
    said = run_bash('curl() { printf "%s\\0" "$@"; }\n' + command, tmp_path).split("\0")
    assert said[:4] == [url, "-H", "Content-Type: application/json", "--data-raw"]
    assert json.loads(said[4]) == {"rows": [dict(ROW)]}
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(NODE is None or BASH is None, reason="needs node and bash")
def test_curl_sends_files_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "it's a photo.png").write_bytes(bytes(range(256)) * 800)
    row = f"[...{json.dumps(ROW)}, ['photo', new Picked(\"it's a photo.png\", '')], ['a', 1]]"
    command = run_node(f"process.stdout.write(curl('http://x', {row}))")
    sent = json.loads(run_bash("curl() { cat; }\n" + command, tmp_path))
    photo = sent["rows"][0].pop("photo")
    assert sent["rows"] == [{**dict(ROW), "a": 1}]
    assert base64.b64decode(photo) == bytes(range(256)) * 800


def run_bash(script: str, folder: Path) -> str:
    assert BASH is not None
    finished = subprocess.run(
        [BASH, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return finished.stdout


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_python_asks_for_exactly_the_row_that_was_typed(tmp_path: Path) -> None:
    photo = tmp_path / 'it\'s "a" photo.png'
    photo.write_bytes(b"\x89PNG")
    row = f"[...{json.dumps(ROW)}, ['photo', new Picked({json.dumps(str(photo))}, 'iVBORw==')]]"
    code = run_node(f"process.stdout.write(python('http://x', \"it's\", {row}))")
    asked: list[Any] = []

    class Client:
        def __init__(self, url: str) -> None:
            asked.append(url)

        def predict(self, endpoint: str, rows: object) -> None:
            asked.extend([endpoint, rows])

    code = code.replace("from fairlead import Client\n", "").replace("print(answer)", "")
    exec(code, {"Client": Client})
    assert asked == ["http://x", "it's", {**dict(ROW), "photo": b"\x89PNG"}]
    body = json.loads(run_node(f"process.stdout.write(body({row}))"))
    assert body == {"rows": [{**dict(ROW), "photo": "iVBORw=="}]}


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".js")])
def test_scripts_are_valid_modules(name: str, tmp_path: Path) -> None:
    assert NODE is not None
    copy = tmp_path / Path(name).with_suffix(".mjs").name
    copy.write_text((OURS[name] / name).read_text())
    subprocess.run([NODE, "--check", str(copy)], check=True, timeout=PATIENCE_S)
