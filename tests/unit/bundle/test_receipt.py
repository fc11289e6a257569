"""A receipt comes back to the last bit, and answers are compared as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.bundle import Receipt, Tolerance, compare, decode_receipt, encode_receipt
from fairlead.bundle.receipt import differing_rows
from fairlead.errors import BundleError
from fairlead.signature import Batch

NAN, INF = float("nan"), float("inf")
EXACT = Tolerance()
LOOSE = Tolerance(absolute=1e-3, relative=1e-3)
INT64 = st.integers(-(2**63), 2**63 - 1)


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def numbers(*values: float) -> Batch:
    return Batch(len(values), ("y",), np.array(values, dtype=np.float64)[:, None], {})


def column(values: npt.NDArray[Any]) -> Batch:
    return Batch(len(values), (), np.zeros((len(values), 0)), {"y": values})


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    rows = draw(st.integers(0, 4))

    def values(strategy: st.SearchStrategy[Any], width: int = 1) -> list[Any]:
        return draw(st.lists(strategy, min_size=rows * width, max_size=rows * width))

    names = tuple(draw(st.lists(st.text(max_size=4), unique=True, max_size=3)))
    matrix = np.array([values(st.floats(width=64)) for _ in names], dtype=np.float64)
    return Batch(rows, names, np.ascontiguousarray(matrix.reshape(len(names), rows).T), {
        "text": objects(values(st.none() | st.text() | st.booleans() | INT64)),
        "bytes": objects(values(st.none() | st.binary())),
        "single": np.array(values(st.floats(width=32), 6), np.float32).reshape(rows, 2, 3),
        "half": np.array(values(st.floats(width=16)), np.float16),
        "whole": np.array(values(INT64), np.int64),
        "large": np.array(values(st.integers(0, 2**64 - 1)), np.uint64),
        "flag": np.array(values(st.booleans()), np.bool_),
        "words": np.array(values(st.text(max_size=3)), "<U3"),
        "at": np.array(values(INT64), np.int64).view("datetime64[us]"),
    })  # fmt: skip


def bits(array: npt.NDArray[Any]) -> object:
    """What two arrays share exactly if every value is the same; NaN is NaN."""
    if array.dtype.hasobject:
        return [(type(value), value) for value in array.flat]
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.array(NAN, array.dtype), array)
    return array.tobytes()


@settings(max_examples=80)
@given(inputs=batches(), outputs=batches())
def test_a_receipt_comes_back_to_the_last_bit(inputs: Batch, outputs: Batch) -> None:
    found = decode_receipt(encode_receipt(Receipt(inputs, outputs)))
    for want, have in ((inputs, found.inputs), (outputs, found.outputs)):
        assert (have.rows, have.names, list(have.columns)) == (
            want.rows, want.names, list(want.columns),
        )  # fmt: skip
        assert bits(have.numbers) == bits(want.numbers)
        for name, values in want.columns.items():
            assert (have.columns[name].dtype, have.columns[name].shape) == (
                values.dtype, values.shape,
            )  # fmt: skip
            assert bits(have.columns[name]) == bits(values)
        assert compare(want, have, EXACT) == ()


def test_infinities_and_missing_values_come_back() -> None:
    batch = numbers(INF, -INF, NAN, -0.0, 5e-324, 0.1)
    vector = np.array([[INF, NAN], [-INF, 1.0]], np.float32)
    found = decode_receipt(encode_receipt(Receipt(batch, column(vector))))
    assert found.inputs.numbers.ravel().tolist()[:2] == [INF, -INF]
    assert np.array_equal(found.inputs.numbers, batch.numbers, equal_nan=True)
    assert np.signbit(found.inputs.numbers[3, 0])
    assert np.array_equal(found.outputs.columns["y"], vector, equal_nan=True)


NOTHING = b'{"rows":0,"numbers":{},"columns":{}}'
WRONG_COLUMNS = (
    b'{"rows":2,"numbers":{"x":[1]},"columns":{}}',
    b'{"rows":1,"numbers":{"x":["big"]},"columns":{}}',
    b'{"rows":1,"numbers":{},"columns":{"y":{"dtype":"int8","shape":[1],"values":[999]}}}',
    b'{"rows":1,"numbers":{},"columns":{"y":{"dtype":"none","shape":[1],"values":[1]}}}',
)
WRONG = [b'{"inputs":' + columns + b',"outputs":' + NOTHING + b"}" for columns in WRONG_COLUMNS]


@pytest.mark.parametrize("raw", [b"", b"null", b"{}", b"\xff", b'{"inputs":"\xff"}', *WRONG])
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(BundleError, match="receipt"):
        decode_receipt(raw)


@pytest.mark.parametrize(
    ("want", "have", "tolerance", "differing"),
    [
        ([0.1, 0.2], [0.1, 0.2], EXACT, []),
        ([0.1, 0.2], [0.1, np.nextafter(0.2, 1)], EXACT, [1]),
        ([0.1, 0.2], [0.1005, 0.3], LOOSE, [1]),
        ([1000.5], [1001.5], LOOSE, []),
        ([1.0, 2.0], [1.0, 2.0001], LOOSE, [1]),  # whole numbers are labels
        ([0.5, NAN, INF, -INF], [0.5, NAN, INF, -INF], EXACT, []),
        ([0.5, NAN, INF, -INF], [0.5, NAN, INF, -INF], LOOSE, []),
        ([0.5, NAN, 0.5, INF, INF], [NAN, 0.5, INF, 0.5, -INF], LOOSE, [0, 1, 2, 3, 4]),
        ([0.5, 1e308], [0.5, -1e308], LOOSE, [1]),
    ],
)
def test_numbers_are_compared_within_the_tolerance(
    want: list[float], have: list[float], tolerance: Tolerance, differing: list[int]
) -> None:
    expected, got = numbers(*want), numbers(*have)
    assert np.flatnonzero(differing_rows(expected, got, tolerance)).tolist() == differing
    assert bool(compare(expected, got, tolerance)) == bool(differing)


@pytest.mark.parametrize(
    ("want", "have", "differing"),
    [
        (objects(["a", "ü", None]), objects(["a", "u", None]), [1]),
        (objects(["a"]), np.array(["a"]), []),
        (objects([0, 1]), np.array([0, 1]), []),
        (objects([NAN, 1.0]), objects([NAN, NAN]), [1]),
        (objects([None, "a"]), objects(["a", None]), [0, 1]),
        (np.array([2**53, 2**53 + 1]), np.array([2**53, 2**53]), [1]),
        (np.array([True, False]), np.array([True, True]), [1]),
        (np.array([0, -(2**63)]).view("M8[us]"), np.array([1, -(2**63)]).view("M8[us]"), [0]),
        (np.array([[0.1, 0.9], [0.5, 0.5]]), np.array([[0.1, 0.9], [0.5, 0.6]]), [1]),
        (np.array([[1.0, 0.0]]), np.array([[1.0, 1e-4]]), []),  # probabilities are no labels
        (np.array([0.5, 0.5]), objects(["0.5", 0.5]), [0]),
    ],
)
def test_everything_else_must_be_equal(
    want: npt.NDArray[Any], have: npt.NDArray[Any], differing: list[int]
) -> None:
    assert np.flatnonzero(differing_rows(column(want), column(have), LOOSE)).tolist() == differing
    assert bool(compare(column(want), column(have), LOOSE)) == bool(differing)


def test_differences_are_told_in_words() -> None:
    assert compare(numbers(*range(9)), numbers(*[n + 0.5 for n in range(9)]), LOOSE) == (
        "y differs in 9 of 9 rows (rows 0, 1, 2, 3, 4, …), by up to 0.5",
    )
    assert compare(numbers(1.5), column(np.array([[1.5]])), EXACT) == (
        "y has shape (1, 1) instead of (1,)",
    )
    assert compare(numbers(1.5), Batch(1, (), np.zeros((1, 0)), {}), EXACT) == (
        "y is not answered",
    )
    assert compare(numbers(0.5, NAN), numbers(NAN, 0.5), EXACT) == (
        "y differs in 2 of 2 rows (rows 0, 1)",
    )


def test_answers_of_another_shape_differ_in_every_row() -> None:
    pair = numbers(1.5, 2.5)
    for other in (column(np.zeros((2, 1))), Batch(2, (), np.zeros((2, 0)), {}), numbers(1.5)):
        assert differing_rows(pair, other, LOOSE).tolist() == [True, True]


def test_no_rows_differ_in_nothing() -> None:
    nothing = numbers()
    assert compare(nothing, nothing, EXACT) == ()
    assert differing_rows(nothing, nothing, EXACT).tolist() == []
