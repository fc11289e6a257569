"""What is encoded into a frame is decoded from it, and nothing else is."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.predictionlog import (
    FeedbackFrame,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.predictionlog.frame import HEADER, MAGIC, decode_payload
from fairlead.predictionlog.tables import table_of
from fairlead.signature import Batch

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=5)
IDS = st.binary(min_size=16, max_size=16)
VALUES = TEXT | st.booleans() | INT64 | st.floats(allow_nan=False)
SCALARS = st.none() | VALUES


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def times(micros: list[int]) -> npt.NDArray[np.datetime64]:
    return np.array(micros, dtype=np.int64).view("datetime64[us]")


@st.composite
def batches(draw: st.DrawFn, rows: int) -> Batch:
    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    names = tuple(draw(st.lists(TEXT, unique=True, max_size=3)))
    numbers = [column(st.floats(width=64)) for _ in names]
    vectors = column(st.lists(st.floats(width=32), min_size=2, max_size=2))
    return Batch(rows, names, np.array(numbers, np.float64).reshape(len(names), rows).T.copy(), {
        "plan": objects(column(SCALARS)),
        "picture": objects(column(st.none() | st.binary(max_size=5))),
        "at": times(column(INT64)),
        "vector": np.array(vectors, np.float32).reshape(rows, 2),
        "words": np.array(column(st.text(max_size=3)), dtype="<U3"),
        "flag": np.array(column(st.booleans()), dtype=np.bool_),
    })  # fmt: skip


@st.composite
def predictions(draw: st.DrawFn) -> PredictionFrame:
    rows = draw(st.integers(0, 5))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    ok = draw(st.booleans())
    return PredictionFrame(
        endpoint=draw(TEXT),
        revision=draw(INT64),
        arm=draw(TEXT),
        version=draw(TEXT),
        role=draw(TEXT),
        assigned_by=draw(TEXT),
        outcome="ok" if ok else "timeout",
        source=draw(st.sampled_from(["live", "batch", "cache", "precomputed", "replay"])),
        time_us=np.array(column(INT64), np.int64),
        ids=column(IDS),
        decided_by=draw(st.none() | st.just(column(st.sampled_from(["model", "pending"])))),
        caller_ids=draw(st.none() | st.just(column(st.none() | TEXT))),
        units=draw(st.none() | st.just(column(st.none() | TEXT))),
        slots=np.array(column(st.integers(-1, 9_999)), np.int16),
        propensity=np.array(column(st.floats(0, 1)), np.float64),
        queue_us=np.array(column(st.integers(0, 2**31 - 1)), np.int32),
        model_us=draw(INT64),
        inputs=draw(batches(rows)),
        outputs=draw(batches(rows)) if ok else None,
        trace_ids=draw(st.none() | st.just(column(st.none() | TEXT))),
        parent_ids=draw(st.none() | st.just(column(st.none() | IDS))),
        step=draw(TEXT),
        mode=draw(st.none() | st.sampled_from(["human", "shadow", "assist", "partial", "full"])),
    )


def payload(frame: bytes) -> bytes:
    """What stands behind the header, which is checked."""
    magic, length, checksum = HEADER.unpack(frame[: HEADER.size])
    rest = frame[HEADER.size :]
    assert (magic, length, checksum) == (MAGIC, len(rest), zlib.crc32(rest))
    return rest


def assert_same(left: object, right: object) -> None:
    if isinstance(left, Batch) and isinstance(right, Batch):
        assert (left.rows, left.names) == (right.rows, right.names)
        assert_same(left.numbers, right.numbers)
        assert list(left.columns) == list(right.columns)
        for name in left.columns:
            assert_same(left.columns[name], right.columns[name])
    elif isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        if left.dtype.hasobject:
            assert [(type(v), v) for v in left.flat] == [(type(v), v) for v in right.flat]
        else:
            assert left.tobytes() == right.tobytes()
    else:
        assert left == right


@settings(max_examples=60)
@given(frame=predictions())
def test_a_prediction_frame_comes_back_to_the_last_bit(frame: PredictionFrame) -> None:
    found = decode_payload(payload(encode_prediction(frame)))
    assert isinstance(found, PredictionFrame)
    for name in frame.__struct_fields__:
        assert_same(getattr(frame, name), getattr(found, name))


@settings(max_examples=60)
@given(entries=st.lists(st.tuples(INT64, IDS, TEXT, VALUES)))
def test_a_feedback_frame_comes_back_to_the_last_bit(
    entries: list[tuple[int, bytes, str, bool | float | str]],
) -> None:
    found = decode_payload(payload(encode_feedback(feedback(entries))))
    assert isinstance(found, FeedbackFrame)
    assert (found.endpoint, found.received_us, found.source) == ("churn", 5, "api")
    assert found.time_us.tolist() == [entry[0] for entry in entries]
    assert found.ids == [entry[1] for entry in entries]
    assert found.names == [entry[2] for entry in entries]
    assert [(type(v), v) for v in found.values] == [(type(e[3]), e[3]) for e in entries]


def feedback(entries: list[tuple[int, bytes, str, bool | float | str]]) -> FeedbackFrame:
    return FeedbackFrame(
        endpoint="churn",
        time_us=np.array([entry[0] for entry in entries], np.int64),
        received_us=5,
        ids=[entry[1] for entry in entries],
        names=[entry[2] for entry in entries],
        values=[entry[3] for entry in entries],
        source="api",
    )


@settings(max_examples=200)
@given(raw=st.binary(max_size=60))
def test_bytes_that_are_no_frame_are_none(raw: bytes) -> None:
    assert decode_payload(raw) is None


@settings(max_examples=200)
@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_changed_frame_is_another_frame_or_none_but_never_an_error(
    place: int, change: int
) -> None:
    raw = bytearray(payload(encode_prediction(small_frame(2))))
    raw[place % len(raw)] ^= change
    decode_payload(bytes(raw))
    raw = bytearray(payload(encode_feedback(feedback([(1, bytes(16), "label", 1)] * 2))))
    raw[place % len(raw)] ^= change
    decode_payload(bytes(raw))


def test_columns_of_unequal_length_are_no_frame() -> None:
    whole: list[Any] = msgspec.msgpack.decode(payload(encode_prediction(small_frame(2))))
    assert decode_payload(msgspec.msgpack.encode(whole)) is not None
    for place, value in enumerate(whole):
        if isinstance(value, bytes):
            cut = [*whole[:place], value[: len(value) // 2], *whole[place + 1 :]]
            assert decode_payload(msgspec.msgpack.encode(cut)) is None
    uneven: list[Any] = msgspec.msgpack.decode(
        payload(encode_feedback(feedback([(1, bytes(16), "label", 1)])))
    )
    for place in (5, 6):
        more = [*uneven[:place], uneven[place] * 2, *uneven[place + 1 :]]
        assert decode_payload(msgspec.msgpack.encode(more)) is None


def small_frame(rows: int, **columns: npt.NDArray[Any]) -> PredictionFrame:
    return PredictionFrame(
        endpoint="churn", revision=1, arm="stable", version="churn:1", role="stable",
        assigned_by="hash", outcome="ok", source="live", model_us=10,
        time_us=np.arange(rows, dtype=np.int64), ids=[bytes([n]) * 16 for n in range(rows)],
        caller_ids=None, units=None, slots=np.zeros(rows, np.int16),
        propensity=np.ones(rows), queue_us=np.zeros(rows, np.int32),
        inputs=Batch(rows, ("x",), np.ones((rows, 1)), columns),
        outputs=Batch(rows, ("y",), np.ones((rows, 1)), columns),
    )  # fmt: skip


def test_numpy_scalars_among_objects_are_logged_as_what_they_are() -> None:
    values = objects([np.int64(3), np.float32(0.5), np.str_("ü"), np.bool_(True), None])
    found = decode_payload(payload(encode_prediction(small_frame(5, plan=values))))
    assert isinstance(found, PredictionFrame)
    assert found.outputs is not None
    assert found.outputs.columns["plan"].tolist() == [3, 0.5, "ü", True, None]


def test_a_table_holds_missing_values_as_null_and_pictures_as_digests() -> None:
    frame = small_frame(
        2,
        plan=objects(["ü", None]),
        picture=objects([b"abc", None]),
        at=times([0, np.iinfo(np.int64).min]),
        vector=np.array([[1.0, 2.0], [3.0, 4.0]]),
    )
    frame.inputs.numbers[1, 0] = np.nan
    first, second = table_of("predictions", [frame]).to_dicts()
    assert (first["in.x"], first["in.plan"], first["in.vector"]) == (1.0, "ü", [1.0, 2.0])
    assert first["in.picture"].startswith("sha256:ba7816bf")
    assert first["in.picture"].endswith(" 3 bytes")
    assert first["in.at"].isoformat() == "1970-01-01T00:00:00+00:00"
    missing = [second[f"in.{name}"] for name in ("x", "plan", "picture", "at")]
    assert missing == [None] * 4


SHAPES: dict[str, npt.NDArray[Any]] = {
    "numbers": np.array([1.5]),
    "whole": np.array([7], np.int64),
    "text": objects(["ü"]),
    "missing": objects([None]),
    "vector": np.array([[1.0, 2.0]]),
    "longer vector": np.array([[1.0, 2.0, 3.0]]),
    "matrix": np.array([[[1.0], [2.0]]]),
    "flag": np.array([True]),
    "time": times([0]),
}


@pytest.mark.parametrize("one", SHAPES)
@pytest.mark.parametrize("two", SHAPES)
def test_versions_that_answer_in_other_types_share_a_table(one: str, two: str) -> None:
    frames = [small_frame(1, a=SHAPES[one]), small_frame(1, a=SHAPES[two], b=SHAPES[two])]
    table = table_of("predictions", frames)
    assert table.height == 2
    assert table["out.a"].null_count() == [one, two].count("missing")
    assert table["out.b"].is_null().to_list() == [True, two == "missing"]


def test_types_that_nothing_holds_together_become_text() -> None:
    frames = [small_frame(1, a=SHAPES["vector"]), small_frame(1, a=SHAPES["numbers"])]
    frames += [small_frame(1, a=SHAPES["matrix"]), small_frame(1)]
    table = table_of("predictions", frames)
    assert table["out.a"].to_list() == ["[1.0,2.0]", "1.5", "[[1.0],[2.0]]", None]
