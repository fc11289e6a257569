"""One frame of the journal: a header with length and checksum, and columns in MessagePack.

    bytes 0-3   magic `FLJ1`, which also is the format's version
    bytes 4-7   length of the payload, little-endian
    bytes 8-11  CRC-32 of the payload, little-endian
    then        the payload

Columns of numbers are raw little-endian bytes, texts are lists. A frame describes itself: it is
read without the signature its rows were checked against.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.predictionlog.types import DecidedBy, FeedbackFrame, Outcome, PredictionFrame, Source
from fairlead.routing import Mode
from fairlead.signature import Batch, Column

MAGIC = b"FLJ1"
HEADER = struct.Struct("<4sII")
PAYLOAD_BYTES_MAX = 1 << 30
_STORED: dict[Any, np.dtype[Any]] = {
    kind: np.dtype(kind).newbyteorder("<") for kind in (np.int16, np.int32, np.int64, np.float64)
}

Frame = PredictionFrame | FeedbackFrame
Value = bool | int | float | str


class _Array(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A column: raw bytes of a NumPy type, or a list of texts, bytes and other scalars."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | list[Any]


class _Columns(msgspec.Struct, array_like=True, gc=False, frozen=True):
    rows: int
    names: tuple[str, ...]
    numbers: bytes
    columns: dict[str, _Array]


class _Prediction(msgspec.Struct, array_like=True, gc=False, frozen=True, tag="p"):
    endpoint: str
    revision: int
    arm: str
    version: str
    role: str
    assigned_by: str
    outcome: Outcome
    source: Source
    step: str
    model_us: int
    time_us: bytes
    ids: bytes
    slots: bytes
    propensity: bytes
    queue_us: bytes
    caller_ids: list[str | None] | None
    units: list[str | None] | None
    trace_ids: list[str | None] | None
    parent_ids: list[bytes | None] | None
    inputs: _Columns
    outputs: _Columns | None
    features: list[str | None] | None = None
    decided_by: list[DecidedBy] | None = None
    mode: Mode | None = None


class _Feedback(msgspec.Struct, array_like=True, gc=False, frozen=True, tag="f"):
    endpoint: str
    received_us: int
    source: str
    time_us: bytes
    ids: bytes
    names: list[str]
    values: list[Value]


def _plain(value: object) -> object:
    """A NumPy scalar, as object columns of a model's answers may hold, as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__} cannot be logged")


_encode = msgspec.msgpack.Encoder(enc_hook=_plain).encode
_decode = msgspec.msgpack.Decoder(_Prediction | _Feedback).decode


def encode_prediction(frame: PredictionFrame) -> bytes:
    """Write the records of one micro-batch, header and all."""
    payload = _Prediction(  # by place: so many names would take ten times as long
        frame.endpoint,
        frame.revision,
        frame.arm,
        frame.version,
        frame.role,
        frame.assigned_by,
        frame.outcome,
        frame.source,
        frame.step,
        frame.model_us,
        frame.time_us.tobytes(),
        b"".join(frame.ids),
        frame.slots.tobytes(),
        frame.propensity.tobytes(),
        frame.queue_us.tobytes(),
        frame.caller_ids,
        frame.units,
        frame.trace_ids,
        frame.parent_ids,
        _pack(frame.inputs),
        None if frame.outputs is None else _pack(frame.outputs),
        frame.features,
        frame.decided_by,
        frame.mode,
    )
    return _with_header(_encode(payload))


def encode_feedback(frame: FeedbackFrame) -> bytes:
    """Write feedback, header and all."""
    payload = _Feedback(
        endpoint=frame.endpoint,
        received_us=frame.received_us,
        source=frame.source,
        time_us=frame.time_us.tobytes(),
        ids=b"".join(frame.ids),
        names=frame.names,
        values=frame.values,
    )
    return _with_header(_encode(payload))


def decode_payload(payload: bytes) -> Frame | None:
    """Read a frame back.

    Args:
        payload: without the header; its checksum was right.

    Returns:
        The frame, or None if it is none of this format.
    """
    try:
        raw = _decode(payload)
        return _feedback(raw) if isinstance(raw, _Feedback) else _prediction(raw)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return None


def _with_header(payload: bytes) -> bytes:
    return HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def _pack(batch: Batch) -> _Columns:
    columns = {name: _pack_column(column) for name, column in batch.columns.items()}
    return _Columns(batch.rows, batch.names, batch.numbers.tobytes(), columns)


def _pack_column(column: Column) -> _Array:
    if column.dtype.hasobject:
        return _Array("object", column.shape, column.ravel().tolist())
    return _Array(column.dtype.str, column.shape, column.tobytes())


def _unpack(raw: _Columns) -> Batch:
    numbers = np.frombuffer(raw.numbers, "<f8").reshape(raw.rows, len(raw.names))
    columns = {name: _unpack_column(column) for name, column in raw.columns.items()}
    return Batch(raw.rows, raw.names, numbers, columns)


def _unpack_column(raw: _Array) -> Column:
    if isinstance(raw.data, bytes):
        return np.frombuffer(raw.data, raw.dtype).reshape(raw.shape)
    column = np.empty(len(raw.data), dtype=object)
    column[:] = raw.data
    return column.reshape(raw.shape)


def _split_ids(raw: bytes) -> list[bytes]:
    return [raw[start : start + 16] for start in range(0, len(raw), 16)]


def _prediction(raw: _Prediction) -> PredictionFrame:
    frame = PredictionFrame(  # by place, as in `encode_prediction`
        raw.endpoint,
        raw.revision,
        raw.arm,
        raw.version,
        raw.role,
        raw.assigned_by,
        raw.outcome,
        raw.source,
        _numbers(raw.time_us, np.int64),
        _split_ids(raw.ids),
        raw.caller_ids,
        raw.units,
        _numbers(raw.slots, np.int16),
        _numbers(raw.propensity, np.float64),
        _numbers(raw.queue_us, np.int32),
        raw.model_us,
        _unpack(raw.inputs),
        None if raw.outputs is None else _unpack(raw.outputs),
        raw.trace_ids,
        raw.parent_ids,
        raw.step,
        raw.features,
        raw.decided_by,
        raw.mode,
    )
    rows = frame.inputs.rows
    columns = (frame.time_us, frame.ids, frame.slots, frame.propensity, frame.queue_us)
    texts = (
        frame.caller_ids, frame.units, frame.trace_ids, frame.parent_ids, frame.features,
        frame.decided_by,
    )  # fmt: skip
    if frame.outputs is not None and frame.outputs.rows != rows:
        raise ValueError("answers to more or fewer rows than were asked")
    lengths = {len(column) for column in columns} | {len(t) for t in texts if t is not None}
    if lengths != {rows}:
        raise ValueError("columns of unequal length")
    return frame


def _feedback(raw: _Feedback) -> FeedbackFrame:
    frame = FeedbackFrame(
        endpoint=raw.endpoint,
        time_us=_numbers(raw.time_us, np.int64),
        received_us=raw.received_us,
        ids=_split_ids(raw.ids),
        names=raw.names,
        values=raw.values,
        source=raw.source,
    )
    if len({len(c) for c in (frame.time_us, frame.ids, frame.names, frame.values)}) != 1:
        raise ValueError("columns of unequal length")
    return frame


def _numbers(raw: bytes, dtype: type[npt._ScalarT]) -> npt.NDArray[npt._ScalarT]:  # type: ignore[name-defined]
    return np.frombuffer(raw, _STORED[dtype]).astype(dtype, copy=False)
