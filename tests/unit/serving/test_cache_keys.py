"""Rows are known again by all that a model can see of them, and by nothing else."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.serving.cache.key import digests
from fairlead.signature import Batch, Field, RowDecoder, Signature, from_records

SECRET = b"secret"
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
)
ROWS = st.tuples(st.floats(), st.floats(), VALUES, VALUES)


def objects(values: list[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def batch_of(rows: list[Any]) -> Batch:
    numbers = np.array([row[:2] for row in rows], dtype=np.float64)
    columns = {name: objects([row[2 + place] for row in rows]) for place, name in enumerate("cd")}
    return Batch(len(rows), ("a", "b"), numbers, columns)


def keys(batch: Batch) -> list[bytes]:
    found = digests(batch, SECRET)
    assert found is not None
    assert len(found) == batch.rows
    return found


def seen(value: Any) -> object:
    """What a model can tell of a value: its type and bits; of NaN that there is none."""
    if isinstance(value, float):
        return "missing" if math.isnan(value) else (float, struct.pack("d", value))
    return type(value), value


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_rows_share_a_key_if_and_only_if_a_model_cannot_tell_them_apart(rows: list[Any]) -> None:
    found = keys(batch_of(rows))
    told = [tuple(map(seen, row)) for row in rows]
    for one, its in zip(found, told, strict=True):
        for other, others in zip(found, told, strict=True):
            assert (one == other) == (its == others)


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_a_row_has_the_same_key_alone_and_among_others_and_in_any_order(rows: list[Any]) -> None:
    together = keys(batch_of(rows))
    assert together == [keys(batch_of([row]))[0] for row in rows]
    assert together == keys(batch_of(rows[::-1]))[::-1]
    batch = batch_of(rows)
    turned = Batch(batch.rows, batch.names, batch.numbers, dict([*batch.columns.items()][::-1]))
    assert together == keys(turned)


def tensor(values: Any, dtype: str = "float32") -> Batch:
    array = np.array(values, dtype=dtype)
    return Batch(len(array), (), np.empty((len(array), 0)), {"t": array})


DIFFERENT: dict[str, tuple[Batch, Batch]] = {
    "shape of a tensor": (tensor([[1, 2, 3, 4]]), tensor([[[1, 2], [3, 4]]])),
    "type of a tensor": (tensor([[1, 2]], "float32"), tensor([[1, 2]], "int32")),
    "sign of a zero in a tensor": (tensor([[0.0]]), tensor([[-0.0]])),
    "text in a tensor": (tensor([["ab", "c"]], "object"), tensor([["a", "bc"]], "object")),
    "name of a field": (
        Batch(1, ("a",), np.ones((1, 1)), {}),
        Batch(1, ("b",), np.ones((1, 1)), {}),
    ),
    "border between fields": (batch_of([(0, 0, "ab", "c")]), batch_of([(0, 0, "a", "bc")])),
    "text and the bytes of it": (batch_of([(0, 0, "ab", None)]), batch_of([(0, 0, b"ab", None)])),
    "time": (
        Batch(1, (), np.empty((1, 0)), {"at": np.array([1], "M8[us]")}),
        Batch(1, (), np.empty((1, 0)), {"at": np.array(["NaT"], "M8[us]")}),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_has_another_key(name: str) -> None:
    one, other = DIFFERENT[name]
    assert keys(one) == keys(one)
    assert keys(one) != keys(other)


def test_every_nan_says_that_a_value_is_missing() -> None:
    payload = struct.unpack("d", struct.pack("Q", 0x7FF8_0000_0000_BEEF))[0]
    for make in (lambda x: batch_of([(x, 0, None, None)]), lambda x: tensor([[x]], "float64")):
        made: Callable[[float], Batch] = make
        assert keys(made(math.nan)) == keys(made(payload)) == keys(made(-math.nan))


def test_the_doors_of_one_endpoint_give_one_key() -> None:
    signature = Signature(
        inputs=(
            Field(name="age", kind="number", missing="allow"),
            Field(name="plan", kind="text", missing="allow"),
            Field(name="at", kind="timestamp"),
            Field(name="t", kind="tensor", dtype="float32", shape=(2,)),
        ),
        outputs=(),
    )
    row = {"age": 3.0, "plan": "pro", "at": "2026-01-02T03:04:05Z", "t": [0.5, 1.5]}
    decoder = RowDecoder(signature)
    fast = decoder.decode(
        b'[{"t":[0.5,1.5],"plan":"pro","age":3,"at":"2026-01-02T03:04:05Z"},'
        b'{"t":[0.5,1.5],"at":"2026-01-02T03:04:05Z"}]'
    )
    exact = from_records(signature, [row, {**row, "age": None, "plan": None}])
    assert keys(fast) == keys(exact)
    assert len(set(keys(fast))) == 2


def test_another_secret_gives_other_keys() -> None:
    batch = batch_of([(1, 2, "x", None)])
    assert digests(batch, SECRET) != digests(batch, b"other")


def test_what_cannot_be_written_down_has_no_key() -> None:
    assert digests(batch_of([(0, 0, "\ud800", None)]), SECRET) is None
