"""Rows told apart by whether they fit, against the strict reader of each row alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import InputError
from fairlead.signature import Field, Signature, from_records, read_texts, sift, text_reader
from fairlead.signature.tables import read_table

FIELDS = (
    Field(name="age", kind="number"),
    Field(name="visits", kind="integer", missing="allow"),
    Field(name="plan", kind="category", categories=("free", "pro")),
)
SIGNATURE = Signature(inputs=FIELDS, outputs=())
values = st.sampled_from([1, 2.5, "free", "pro", "gold", None, True, float("nan"), 1e30, "7"])
rows = st.fixed_dictionaries({field.name: values for field in FIELDS})


def fits(row: dict[str, Any]) -> bool:
    try:
        from_records(SIGNATURE, [row])
    except InputError:
        return False
    return True


@given(st.lists(rows, max_size=12))
def test_a_row_is_refused_as_it_would_be_alone(table: list[dict[str, Any]]) -> None:
    data = table or [{field.name: 0 for field in FIELDS}]
    found = sift(SIGNATURE, read_table(data))
    right = [place for place, row in enumerate(data) if fits(row)]
    assert found.places.tolist() == right
    assert sorted(found.refused) == [place for place in range(len(data)) if place not in right]
    assert all(problem.row is not None for each in found.refused.values() for problem in each)
    if not right:
        assert found.batch is None
        return
    alone = from_records(SIGNATURE, [data[place] for place in right])
    assert found.batch is not None
    assert np.array_equal(found.batch.numbers, alone.numbers, equal_nan=True)
    assert found.batch.columns["plan"].tolist() == alone.columns["plan"].tolist()


def test_thousands_of_bad_rows_are_all_told() -> None:
    ages = Signature(inputs=(FIELDS[0],), outputs=())
    table = read_table([{"age": "old" if place % 2 else place} for place in range(5000)])
    found = sift(ages, table)
    assert len(found.refused) == 2500
    assert found.batch is not None
    assert found.batch.numbers[:, 0].tolist() == list(range(0, 5000, 2))


def test_tensors_of_other_shapes_are_refused_each() -> None:
    field = Field(name="x", kind="tensor", shape=(-1,))
    found = sift(
        Signature(inputs=(field,), outputs=()),
        read_table([{"x": [1.0]}, {"x": [1.0, 2.0]}, {"x": [3.0]}, {"x": [1.0, 2.0, 3.0]}]),
    )
    assert found.places.tolist() == [0, 2]


def test_what_is_wrong_with_all_rows_is_no_matter_of_rows() -> None:
    with pytest.raises(InputError, match="Field 'age': is missing"):
        sift(SIGNATURE, read_table([{"visits": 1, "plan": "pro"}] * 3))


@given(st.lists(st.text(st.sampled_from("01.eE+-_ ainfx\t"), max_size=6), max_size=5))
def test_texts_are_read_together_as_they_are_alone(texts: list[str]) -> None:
    for field in FIELDS:
        read = text_reader(field)
        assert list(map(repr, read_texts(field, texts))) == [repr(read(text)) for text in texts]
