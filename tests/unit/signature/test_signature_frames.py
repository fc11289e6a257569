"""Every form of tabular data becomes the same fields and the same batch."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fairlead.errors import ConfigError, InputError
from fairlead.signature import (
    Field,
    Signature,
    fits,
    from_frame,
    infer_inputs,
    to_records,
    with_field,
)
from fairlead.signature.tables import read_table

PNG = b"\x89PNG\r\n\x1a\n"
MP3 = b"\xff\xfb\x90\x00"
NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
COLUMNS: dict[str, list[Any]] = {
    "age": [1.5, 2.0, None],
    "visits": [3, 4, 5],
    "ok": [True, False, True],
    "plan": ["pro", None, "free"],
    "note": ["".join(chr(97 + (i * k) % 26) for k in range(60)) for i in range(3)],
    "photo": [PNG, PNG + b"x", PNG],
    "sound": [MP3, MP3, MP3],
    "at": [NOON, NOON, NOON + dt.timedelta(hours=1)],
    "pair": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]


@pytest.mark.parametrize("data", [RECORDS, pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS)])
def test_kinds_are_inferred_alike_from_every_form(data: Any) -> None:
    fields = infer_inputs(data)
    assert {field.name: field.kind for field in fields} == {
        "age": "number", "visits": "integer", "ok": "boolean", "plan": "category", "note": "text",
        "photo": "image", "sound": "audio", "at": "timestamp", "pair": "tensor",
    }  # fmt: skip
    by_name = {field.name: field for field in fields}
    assert (by_name["age"].nullable, by_name["age"].missing) == (True, "allow")
    assert (by_name["age"].low, by_name["age"].high) == (1.5, 2.0)
    assert by_name["plan"].categories == ("free", "pro")
    assert by_name["pair"].shape == (2,)
    batch = from_frame(Signature(inputs=fields, outputs=()), data)
    assert batch.numbers.tolist()[:2] == [[1.5, 3.0, 1.0], [2.0, 4.0, 0.0]]
    records = to_records(fields, batch)
    assert records[2]["age"] is None
    assert records[1] | {"photo": 0, "sound": 0, "note": 0} == {
        "age": 2.0, "visits": 4, "ok": False, "plan": None, "note": 0, "photo": 0, "sound": 0,
        "at": "2024-05-01T12:00:00.000000Z", "pair": [3.0, 4.0],
    }  # fmt: skip


def test_arrays_get_made_up_names_or_given_ones() -> None:
    fields = infer_inputs(np.zeros((2, 2), dtype=np.float32))
    assert [(f.name, f.kind, f.dtype) for f in fields] == [
        ("x0", "number", "float32"), ("x1", "number", "float32"),
    ]  # fmt: skip
    assert [f.name for f in infer_inputs(np.zeros((2, 2)), names=["a", "b"])] == ["a", "b"]
    [pictures] = infer_inputs(np.zeros((5, 8, 8, 3), dtype=np.uint8))
    assert (pictures.kind, pictures.shape, pictures.dtype) == ("tensor", (8, 8, 3), "uint8")
    named = np.array([(1.5, 2)], dtype=[("a", "f4"), ("b", "i8")])
    assert [(f.name, f.kind) for f in infer_inputs(named)] == [("a", "number"), ("b", "integer")]


def test_categorical_types_keep_their_own_order_and_type() -> None:
    values = pd.Categorical([3, 1, None], categories=[3, 1, 2])
    [field] = infer_inputs(pd.DataFrame({"c": values}))
    assert (field.kind, field.dtype, field.categories) == ("category", "category", (3, 1, 2))
    assert field.missing == "allow"
    batch = from_frame(Signature(inputs=(field,), outputs=()), pd.DataFrame({"c": [1.0, None]}))
    assert batch.columns["c"].tolist() == [1, None]
    [field] = infer_inputs(pl.DataFrame({"c": pl.Series(["b"], dtype=pl.Enum(["b", "a"]))}))
    assert field.categories == ("b", "a")


def test_integers_with_missing_values_stay_integers_only_where_the_type_says_so() -> None:
    loose = pd.DataFrame({"n": [1.0, None]})
    typed = pd.DataFrame({"n": pd.array([1, None], dtype="Int64")})
    for data, kind in (
        (loose, "number"),
        (typed, "integer"),
        (pl.DataFrame({"n": [1, None]}), "integer"),
    ):
        [field] = infer_inputs(data)
        assert (field.kind, field.dtype, field.missing) == (kind, "float64", "allow")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"city {i % 50}" for i in range(200)], "category"),
        ([f"name {i}" for i in range(200)], "text"),
        ([f"name {i}" for i in range(20)], "category"),
        (["x" * 51], "text"),
        ([f"code {i % 1001}" for i in range(9000)], "text"),
        (["1", "nan", "2"], "category"),
        (["a", 1, 2.5], "category"),
        ([1, 2.5], "number"),
    ],
)
def test_text_is_a_category_where_its_values_are_few_and_short(
    values: list[Any], kind: str
) -> None:
    assert infer_inputs([{"v": value} for value in values])[0].kind == kind


@pytest.mark.parametrize("values", [[None], [True, 1], [1, b"x"], [b"hello"], [object()], [1 + 2j]])
def test_a_column_without_a_kind_is_refused_by_name(values: list[Any]) -> None:
    with pytest.raises(InputError, match="Column 'v'"):
        infer_inputs([{"v": value} for value in values])


PEOPLE = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="n", kind="integer"),
        Field(name="ok", kind="boolean"),
        Field(name="plan", kind="category", dtype="object", categories=("free", "pro")),
    ),
    outputs=(),
)
FINE = {"age": [1.0, 2.0], "n": [1, 2], "ok": [True, False], "plan": ["pro", "free"]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("age", [1.0, float("nan")], "is missing"),
        ("age", [1.0, float("inf")], "an infinite number"),
        ("age", ["a", "b"], "got text"),
        ("n", [1.0, 2.5], "with a fraction"),
        ("n", [1, 2**53], "2^53"),
        ("ok", [1, 2], "got a number"),
        ("plan", ["pro", "gold"], "has not seen"),
        ("plan", ["pro", None], "is missing"),
    ],
)
def test_a_frame_is_refused_in_the_words_of_json(
    make: Any, name: str, values: list[Any], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        from_frame(PEOPLE, make(FINE | {name: values}))
    problem = caught.value.problems[-1]
    assert problem.field == name
    assert problem.row == 1
    assert says in problem.message


def test_a_frame_without_a_column_or_with_one_too_many_is_refused() -> None:
    frame = pd.DataFrame(FINE).rename(columns={"age": "agee"})
    with pytest.raises(InputError) as caught:
        from_frame(PEOPLE, frame)
    assert [(p.field, p.row, p.nearest) for p in caught.value.problems] == [
        ("agee", None, "age"), ("age", None, None),
    ]  # fmt: skip
    with pytest.raises(InputError, match="3 columns, the signature 4"):
        from_frame(PEOPLE, np.zeros((2, 3)))
    with pytest.raises(InputError, match="no rows"):
        from_frame(PEOPLE, pd.DataFrame(FINE)[:0])


def test_policies_fill_or_let_through_what_is_missing_or_unknown() -> None:
    signature = with_field(PEOPLE, "age", missing="impute", impute=40)
    signature = with_field(signature, "plan", unknown="impute", missing="impute", impute="free")
    signature = with_field(signature, "n", missing="allow")
    data = {"age": [None, 2.0], "n": [None, 2], "ok": [True, False], "plan": ["gold", None]}
    records = [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]
    for form in (pd.DataFrame(data), pl.DataFrame(data), records):
        batch = from_frame(signature, form)
        assert batch.column("age").tolist() == [40.0, 2.0]
        assert np.isnan(batch.column("n")).tolist() == [True, False]
        assert batch.column("plan").tolist() == ["free", "free"]
    partial = from_frame(signature, pd.DataFrame({"ok": [True], "plan": ["pro"]}))
    assert partial.column("age").tolist() == [40.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"missing": "impute"},
        {"missing": "impute", "impute": "much"},
        {"missing": "sometimes"},
        {"unknown": "allow"},
        {"misssing": "allow"},
        {"name": ""},
        {"name": "n"},
        {"kind": "tensor", "missing": "allow"},
        {"kind": "text", "coerce": True},
    ],
)
def test_a_field_is_not_changed_into_nonsense(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        with_field(PEOPLE, "age", **changes)


def test_a_version_fits_an_endpoint_if_it_can_answer_what_callers_send() -> None:
    assert fits(PEOPLE, PEOPLE) == ()
    assert fits(PEOPLE, with_field(PEOPLE, "plan", categories=("free", "team"))) == ()
    assert fits(PEOPLE, with_field(PEOPLE, "n", kind="number")) == ()
    for name, changes, reason in (
        ("age", {"kind": "text", "dtype": "object"}, "is text for the version, number"),
        ("age", {"name": "weight"}, "'weight' is not among"),
        ("plan", {"categories": (1, 2)}, "categories of a number for the version, text here"),
    ):
        [found] = fits(PEOPLE, with_field(PEOPLE, name, **changes))
        assert reason in found
    [found] = fits(with_field(PEOPLE, "n", missing="allow"), PEOPLE)
    assert "may be missing" in found


@pytest.mark.parametrize("kept", [None, float("nan"), np.nan, np.float64("nan"), pd.NA, pd.NaT])
def test_whatever_stands_for_no_value_is_none_beside_texts_and_numbers(kept: object) -> None:
    mixed = ["pro", kept, "nan", 1.5, 0.0, True, None, ""]
    said = ["pro", None, "nan", 1.5, 0.0, True, None, ""]
    for form in (pd.DataFrame({"x": pd.Series(mixed, dtype=object)}), [{"x": x} for x in mixed]):
        assert read_table(form).columns["x"].values.tolist() == said
    texts = pd.DataFrame({"x": pd.Series(["pro", kept, "nan"])})
    assert read_table(texts).columns["x"].values.tolist() == ["pro", None, "nan"]
