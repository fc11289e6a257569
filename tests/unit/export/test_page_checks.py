"""The exported page takes the rows that Python takes, and refuses the others in the same words."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from fairlead.errors import InputError
from fairlead.export.browser.facts import Words, input_facts
from fairlead.export.browser.limits import KINDS
from fairlead.export.browser.script import join_modules
from fairlead.export.browser.write import PAGE
from fairlead.forms import FORMS
from fairlead.signature import Batch, Field, Signature, from_records
from fairlead.signature.kinds import RULES
from support.browser import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FIELDS = {
    "number": Field(name="number", kind="number", low=0.5, high=9.5),
    "coerced": Field(name="coerced", kind="number", coerce=True),
    "absent": Field(name="absent", kind="number", missing="allow"),
    "imputed": Field(name="imputed", kind="integer", missing="impute", impute=7),
    "integer": Field(name="integer", kind="integer"),
    "coerced integer": Field(name="coerced integer", kind="integer", coerce=True),
    "boolean": Field(name="boolean", kind="boolean"),
    "category": Field(name="category", kind="category", categories=("free", "it's", 'so "so"')),
    "many": Field(name="many", kind="category", categories=tuple(f"c{n}" for n in range(14))),
    "numbers": Field(name="numbers", kind="category", categories=(1, 2.5), dtype="float64"),
    "mixed": Field(name="mixed", kind="category", categories=(True, 1, "yes"), dtype="object"),
    "any": Field(name="any", kind="category", dtype="object"),
    "allowed": Field(
        name="allowed", kind="category", categories=("a",), unknown="allow", missing="allow"
    ),
    "instead": Field(
        name="instead", kind="category", categories=("a", "b"), unknown="impute", impute="b"
    ),
    "text": Field(name="text", kind="text"),
    "note": Field(name="note", kind="text", missing="impute", impute="none"),
    "tensor": Field(name="tensor", kind="tensor", dtype="float32", shape=(2, 2)),
    "ragged": Field(name="ragged", kind="tensor", dtype="float64", shape=(-1,)),
    "pixels": Field(name="pixels", kind="tensor", dtype="uint8", shape=(3,)),
    "flags": Field(name="flags", kind="tensor", dtype="bool", shape=(2,)),
    "words": Field(name="words", kind="tensor", dtype="object", shape=(2,)),
}
VALUES: tuple[object, ...] = (
    None, 0, 1, -1, 2.5, 1e300, 2**53, -(2**53), 2**53 - 1, True, False,
    "", " ", "red", "free", "it's", 'so "so"', "a", "c3", "1", "2.5", " -1.5e3 ", "1e999", "nan",
    "true", "inf", "\u0661", "0x10", "1_0",
    [], [1], [1, 2], [1, 2, 3], [0.5, 2, 3], [1, 2, 256], [True, False], [True, 1], ["a", "b"],
    [None, 1], [[1, 2], [3, 4]], [[1, 2], [3]], [[1, 2], [3, 1e300]], [[1, 2], 3],
    [[[1]]], {}, {"a": 1},
)  # fmt: skip
LINES = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="visits", kind="integer"),
        Field(name="plan", kind="category", categories=("free", "pro")),
    ),
    outputs=(),
)
GOOD = {"age": 1, "visits": 2, "plan": "pro"}
ROWS: tuple[object, ...] = (
    "text", 1, None, {}, [], [GOOD], [[1, 2, "pro"], GOOD], [[1, 2]], [1, None, "x", [1, 2, 3, 4]],
    [{}], [{**GOOD, "agee": 1}], [{**GOOD, "zebra": 1}, {**GOOD, "plans": 1}],
    [{**GOOD, "x" * 200: 1}], [{**GOOD, "visit": 1}, {"age": "old", "visits": 1.5, "plan": "team"}],
    [{"age": "1"}] * 30, [{**GOOD, f"f{n}": 1} for n in range(25)],
    [{**GOOD, "nplans": 1}, {**GOOD, "eag": 1}, {**GOOD, "viists": 1}, {**GOOD, "": 1}],
)  # fmt: skip


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An empty page that has the checks of exported ones."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "entry.js").write_text(
        'import { checkRows } from "./check.js";\nglobalThis.checkRows = checkRows;\n'
    )
    script = join_modules("entry.js", (folder, PAGE, FORMS))
    (folder / "index.html").write_text(f"<!doctype html><script>{script}</script>")
    url = (folder / "index.html").as_uri()
    with Visit(browser, folder.as_uri()) as page:
        page.goto(url)
        yield page


CHECK = """
([facts, cases]) => cases.map((rows) => {
  try {
    const { columns } = checkRows(facts, rows);
    return { columns: [...columns].map(([name, { shape, values }]) =>
      [name, shape, values.map((value) => Number.isNaN(value) ? null : value)]) };
  } catch ({ message, hint, problems }) {
    return { message, hint, problems };
  }
})
"""


def told(page: Page, signature: Signature, cases: list[object]) -> list[dict[str, Any]]:
    """What the page makes of rows."""
    facts = {
        "inputs": [msgspec.to_builtins(input_facts(field)) for field in signature.inputs],
        "extra": signature.extra,
        "words": msgspec.to_builtins(Words()),
    }
    given = json.loads(msgspec.json.encode([facts, cases]))
    found: list[dict[str, Any]] = page.evaluate(CHECK, given)
    return found


def expected(signature: Signature, rows: object) -> dict[str, Any]:
    """What Python makes of them."""
    try:
        batch = from_records(signature, rows)
    except InputError as error:
        problems = [
            {"message": p.message, "row": p.row, "field": p.field, "expected": p.expected,
             "nearest": p.nearest}
            for p in error.problems
        ]  # fmt: skip
        return {"message": error.message, "hint": error.hint, "problems": problems}
    return {"columns": [_column(batch, field) for field in signature.inputs]}


def _column(batch: Batch, field: Field) -> list[object]:
    column = batch.column(field.name)
    flat = [None if v != v else v for v in np.asarray(column).ravel().tolist()]
    return [field.name, list(column.shape), flat]


def test_every_kind_that_a_page_asks_for_is_tried() -> None:
    assert {field.kind for field in FIELDS.values()} == KINDS


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_is_taken_or_refused_as_in_python(page: Page, name: str) -> None:
    field = FIELDS[name]
    signature = Signature(inputs=(field,), outputs=())
    wrong = RULES[field.kind].wrong
    cases: list[object] = [[{field.name: value}] for value in (*VALUES, *wrong)]
    cases += [[{}], [{}, {field.name: 1}]]
    for rows, found in zip(cases, told(page, signature, cases), strict=True):
        assert found == expected(signature, rows), rows


def test_rows_are_taken_or_refused_as_in_python(page: Page) -> None:
    cases = list(ROWS)
    for rows, found in zip(cases, told(page, LINES, cases), strict=True):
        assert found == expected(LINES, rows), rows


def test_tensors_of_several_shapes_are_refused_as_in_python(page: Page) -> None:
    signature = Signature(inputs=(FIELDS["ragged"],), outputs=())
    cases: list[object] = [
        [{"ragged": [1.0] * a}, {"ragged": [2.0] * b}] for a, b in itertools.product((1, 2), (1, 3))
    ]
    for rows, found in zip(cases, told(page, signature, cases), strict=True):
        assert found == expected(signature, rows), rows


def test_unknown_fields_may_be_passed_over(page: Page) -> None:
    signature = Signature(inputs=LINES.inputs, outputs=(), extra="ignore")
    rows = [{**GOOD, "more": 1}]
    assert told(page, signature, [rows]) == [expected(signature, rows)]


def test_modules_that_are_joined_run_once_each(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport { c } from "./c.js";\n')
    (tmp_path / "b.js").write_text('import { c } from "./c.js";\nexport const b = c;\n')
    (tmp_path / "c.js").write_text("export function c() {}\n")
    joined = join_modules("a.js", (tmp_path,))
    assert joined.count("function c()") == 1
    assert joined.index("function c()") < joined.index("const b = c") < joined.index('["a.js"] =')
    assert "import" not in joined
    assert "export" not in joined
