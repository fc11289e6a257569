"""Whole arrays become the batch that their values, one by one, would have become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import InputError
from fairlead.signature import ArrayReader, Field, Policy, Signature, from_frame

POLICIES: tuple[Policy, ...] = ("error", "allow", "impute")


@st.composite
def tables(draw: st.DrawFn) -> tuple[Signature, dict[str, Any]]:
    """A signature of numbers and text, and columns that fit it or nearly so."""
    rows = draw(st.integers(1, 3))
    fields, columns = [], {}
    for place, kind in enumerate(draw(st.lists(st.sampled_from("nibt"), min_size=1, max_size=4))):
        name = f"f{place}"
        missing = draw(st.sampled_from(POLICIES))
        if kind == "t":
            fields.append(Field(name=name, kind="text", missing=missing, impute="none"))
            texts = st.lists(st.sampled_from(["a", "", None]), min_size=rows, max_size=rows)
            columns[name] = np.array(draw(texts), dtype=object)
            continue
        field = {
            "n": Field(name=name, kind="number", missing=missing, impute=0.5),
            "i": Field(name=name, kind="integer", missing=missing, impute=7),
            "b": Field(name=name, kind="boolean", missing=missing, impute=True),
        }[kind]
        fields.append(field)
        values = st.sampled_from([0.0, 1.0, 2.0, 1.5, np.nan, np.inf, 2.0**53])
        drawn = np.array(draw(st.lists(values, min_size=rows, max_size=rows)))
        plain = np.isfinite(drawn).all()
        columns[name] = drawn.astype(draw(st.sampled_from(["f8", "i8", "?"]))) if plain else drawn
    return Signature(inputs=tuple(fields), outputs=()), columns


@settings(max_examples=300)
@given(tables())
def test_columns_are_read_as_a_frame_of_them_is(table: tuple[Signature, dict[str, Any]]) -> None:
    signature, columns = table
    rows = len(next(iter(columns.values())))
    reader, frame = ArrayReader(signature), pd.DataFrame(columns)
    try:
        expected = from_frame(signature, frame)
    except InputError as error:
        with pytest.raises(InputError) as caught:
            reader.columns(rows, columns)
        assert caught.value.problems == error.problems  # noqa: PT017  # the twin's error
        return
    batch = reader.columns(rows, columns)
    np.testing.assert_array_equal(batch.numbers, expected.numbers)
    assert {name: c.tolist() for name, c in batch.columns.items()} == {
        name: c.tolist() for name, c in expected.columns.items()
    }


def test_a_matrix_is_read_by_position() -> None:
    fields = (
        Field(name="a", kind="number", missing="impute", impute=9.0),
        Field(name="b", kind="integer"),
    )
    reader = ArrayReader(Signature(inputs=fields, outputs=()))
    assert reader.matrix(np.array([[np.nan, 2.0]])).numbers.tolist() == [[9.0, 2.0]]
    assert reader.matrix(np.array([[1, 2]], np.uint8)).numbers.tolist() == [[1.0, 2.0]]
    for wrong, says in (
        ([[1.0, 2.5]], "'b': expected a whole number"),
        ([[1.0, np.nan]], "'b': is missing"),
        ([[np.inf, 1.0]], "'a': expected a finite number"),
        ([[1.0]], "1 columns, the signature 2"),
        (np.empty((0, 2)), "no rows"),
    ):
        with pytest.raises(InputError, match=says):
            reader.matrix(np.array(wrong))


def test_a_batch_does_not_share_memory_with_what_it_was_read_from() -> None:
    reader = ArrayReader(Signature(inputs=(Field(name="a", kind="number"),), outputs=()))
    matrix = np.array([[1.0]])
    batch = reader.matrix(matrix)
    matrix[0, 0] = 2.0
    assert batch.numbers.tolist() == [[1.0]]


def test_columns_that_are_unknown_or_lacking_are_named() -> None:
    signature = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
    reader = ArrayReader(signature)
    with pytest.raises(InputError) as caught:
        reader.columns(1, {"agee": np.array([1.0])})
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        "is not a field of this model; did you mean 'age'?", "is missing; expected a finite number",
    ]  # fmt: skip


def test_times_beyond_the_calendar_are_refused() -> None:
    signature = Signature(inputs=(Field(name="at", kind="timestamp"),), outputs=())
    far = np.array([2**62], dtype=np.int64).view("datetime64[us]")
    with pytest.raises(InputError, match="beyond the years 1 to 9999"):
        ArrayReader(signature).columns(1, {"at": far})
