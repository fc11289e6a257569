"""Tensors on the wire: what is written is read, and what is torn, short or forged is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import InputError
from fairlead.serving.protocols.oip.tensors import from_json, from_raw, to_json, to_raw
from fairlead.serving.protocols.oip.types import BYTES, DATATYPES, Datatype, Tensor

JSON_TYPES = [datatype for datatype in DATATYPES.values() if datatype.in_json]
SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=2)
TEXTS = st.text("aß漢", max_size=4)


def elements(datatype: Datatype) -> st.SearchStrategy[Any]:
    kind = datatype.numpy.kind
    if kind == "b":
        return st.booleans()
    if kind == "O":
        return TEXTS
    if kind == "f":
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    limits = np.iinfo(datatype.numpy)
    return st.integers(int(limits.min), int(limits.max))


def array(datatype: Datatype, shape: list[int], values: list[Any]) -> npt.NDArray[Any]:
    made = np.empty(len(values), datatype.numpy)
    made[:] = values
    return made.reshape(shape)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    datatype, shape = draw(st.sampled_from(JSON_TYPES)), draw(SHAPES)
    count = int(np.prod(shape))
    values = draw(st.lists(elements(datatype), min_size=count, max_size=count))
    return Tensor("x", datatype, array(datatype, shape, values))


def raw_json(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


@given(tensors())
def test_raw_bytes_are_read_as_they_were_written(tensor: Tensor) -> None:
    read = from_raw("x", tensor.datatype, tensor.shape, memoryview(to_raw(tensor)))
    values = read.values.tolist()
    if tensor.datatype is BYTES:
        values = np.vectorize(bytes.decode, otypes=[object])(read.values).tolist()
    assert values == tensor.values.tolist()
    assert read.shape == tensor.shape


@given(tensors())
def test_json_is_read_flat_and_nested(tensor: Tensor) -> None:
    for data in (to_json(tensor), tensor.values.tolist()):
        if 0 in tensor.shape and data:
            continue  # [[], []] tells nothing of what follows an empty dimension
        read = from_json("x", tensor.datatype, tensor.shape, raw_json(data))
        assert read.values.tolist() == tensor.values.tolist()
        assert read.values.dtype == tensor.values.dtype


@given(tensors(), st.data())
def test_bytes_that_are_cut_short_or_too_long_are_refused(
    tensor: Tensor, data: st.DataObject
) -> None:
    raw = to_raw(tensor)
    for torn in (raw[: data.draw(st.integers(0, max(0, len(raw) - 1)))], raw + b"\0"):
        if torn != raw:
            with pytest.raises(InputError, match=r"Input 'x' has \d+ bytes"):
                from_raw("x", tensor.datatype, tensor.shape, memoryview(torn))


@given(st.binary(max_size=40), st.sampled_from(sorted(DATATYPES)), SHAPES)
def test_any_bytes_are_read_or_refused(raw: bytes, name: str, shape: list[int]) -> None:
    with contextlib.suppress(InputError):
        read = from_raw("x", DATATYPES[name], shape, memoryview(raw))
        assert read.shape == tuple(shape)


def test_sizes_are_checked_before_anything_is_allocated() -> None:
    huge = [2**40, 2**20]
    for name in DATATYPES:
        with pytest.raises(InputError, match="bytes"):
            from_raw("x", DATATYPES[name], huge, memoryview(b"\xff\xff\xff\xff"))
    with pytest.raises(InputError, match="takes 1099511627776 x 1048576"):
        from_json("x", DATATYPES["FP64"], huge, raw_json([1.0]))


@pytest.mark.parametrize("shape", [[], [-1], [2, -2], [1] * 17, [0, 1 << 62], [1 << 40, 0]])
def test_a_shape_that_cannot_be_is_refused(shape: list[int]) -> None:
    with pytest.raises(InputError, match="no tensor can have"):
        from_json("x", DATATYPES["FP32"], shape, raw_json([1.0]))


@pytest.mark.parametrize(
    ("datatype", "data", "says"),
    [
        ("FP32", ["1"], "takes numbers"),
        ("FP32", [True], "takes numbers"),
        ("FP32", [1e39], "beyond the range of FP32"),
        ("INT64", [1.5], "takes whole numbers"),
        ("INT8", [128], "beyond the range of INT8"),
        ("UINT8", [-1], "beyond the range of UINT8"),
        ("BOOL", [1], "takes true or false"),
        ("BYTES", [1], "takes text"),
        ("FP16", [1.0], "no JSON"),
        ("BF16", [1.0], "no JSON"),
        ("FP32", {"a": 1}, "no list"),
        ("FP32", [1.0, 2.0], "data of 2 elements; its shape takes 1"),
    ],
)
def test_json_of_another_kind_is_refused_by_name(datatype: str, data: object, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        from_json("x", DATATYPES[datatype], [1], raw_json(data))
    assert "Input 'x'" in caught.value.message


def test_lists_nested_otherwise_than_the_shape_are_refused() -> None:
    for data, says in (
        ([[1, 2, 3], [4, 5, 6]], "2 x 3; its shape takes 3 x 2"),
        ([[1, 2], [3]], "unequal lengths"),
        ([[1, 2], 3], "unequal lengths"),
        ([1, [2, 3], 4, 5, 6, 7], "takes numbers"),
    ):
        with pytest.raises(InputError, match=says):
            from_json("x", DATATYPES["FP32"], [3, 2], raw_json(data))


def test_null_stands_for_what_is_missing() -> None:
    read = from_json("x", DATATYPES["FP32"], [2, 2], raw_json([[1, None], [None, 2.5]]))
    assert read.values.tolist() == [[1, None], [None, 2.5]]


def test_half_precision_is_read_from_bytes() -> None:
    halves = np.array([1.5, -2.0, np.nan], "<f2")
    read = from_raw("x", DATATYPES["FP16"], [3], memoryview(halves.tobytes()))
    assert read.values[:2].tolist() == [1.5, -2.0]
    upper = np.array([1.5, -2.0], "<f4").view("<u4") >> 16
    read = from_raw("x", DATATYPES["BF16"], [2], memoryview(upper.astype("<u2").tobytes()))
    assert read.values.tolist() == [1.5, -2.0]


def test_a_flag_is_0_or_1() -> None:
    with pytest.raises(InputError, match="other than 0 and 1"):
        from_raw("x", DATATYPES["BOOL"], [2], memoryview(b"\x01\x02"))
