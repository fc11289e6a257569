"""Models of every kind of field, and requests to them in the Open Inference Protocol."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from fairlead.signature import Batch, Field, Signature
from support.plane import PlaneInProcess
from support.reply import Reply

NUMBERS = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="visits", kind="integer", dtype="int32"),
        Field(name="paying", kind="boolean", dtype="bool"),
    ),
    outputs=(
        Field(name="label", kind="category", dtype="object", categories=("left", "stayed")),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=("left", "stayed")),
    ),
    task="classification",
)
MIXED = Signature(
    inputs=(
        Field(name="age", kind="number", missing="allow"),
        Field(name="plan", kind="category", categories=("free", "pro"), missing="allow"),
        Field(name="note", kind="text"),
        Field(name="at", kind="timestamp", dtype="datetime64[us]"),
        Field(name="photo", kind="image"),
        Field(name="pair", kind="tensor", dtype="float32", shape=(2,)),
    ),
    outputs=(
        Field(name="age", kind="number"),
        Field(name="plan", kind="category", dtype="object"),
        Field(name="note", kind="text"),
        Field(name="at", kind="timestamp", dtype="datetime64[us]"),
        Field(name="photo", kind="image"),
        Field(name="pair", kind="tensor", dtype="float16", shape=(2,)),
    ),
)
TEXTS = Signature(
    inputs=(Field(name="a", kind="text"), Field(name="b", kind="text")),
    outputs=(Field(name="a", kind="text"), Field(name="count", kind="integer", dtype="int64")),
)
PICTURE = Signature(
    inputs=(Field(name="x", kind="tensor", dtype="float32", shape=(2, 2)),),
    outputs=(Field(name="x", kind="tensor", dtype="float32", shape=(2, 2)),),
)
PNG = b"\x89PNG\r\n\x1a\n"


def classify(batch: Batch) -> Batch:
    left = np.clip(batch.column("age").astype(float) / 100, 0, 1)
    label = np.where(left > 0.5, "left", "stayed").astype(object)
    shares = np.stack([left, 1 - left], axis=1)
    return Batch(
        batch.rows, (), np.empty((batch.rows, 0)), {"label": label, "probabilities": shares}
    )


def echo(batch: Batch) -> Batch:
    return batch


def join(batch: Batch) -> Batch:
    both = np.array([a + b for a, b in zip(batch.columns["a"], batch.columns["b"], strict=True)],
                    dtype=object)  # fmt: skip
    lengths = np.array([[len(text)] for text in both], dtype=np.float64)
    return Batch(batch.rows, ("count",), lengths, {"a": both})


def serve_models(plane: PlaneInProcess) -> None:
    plane.serve("churn", NUMBERS, classify, classify, numbers=(1, 12), candidate=0)
    plane.serve("mixed", MIXED, echo)
    plane.serve("texts", TEXTS, join)
    plane.serve("picture", PICTURE, echo)


def ask(plane: PlaneInProcess, path: str, body: object = None, **headers: str) -> Any:
    reply = plane.ask(path, body, headers)
    assert reply.status == 200, reply.body
    return reply.json


def refused(plane: PlaneInProcess, path: str, body: object, **headers: str) -> tuple[int, str]:
    reply = plane.ask(path, body, headers)
    assert reply.json.keys() == {"error"}
    return reply.status, reply.json["error"]


def tensor(name: str, datatype: str, data: list[Any], *shape: int) -> dict[str, Any]:
    return {
        "name": name, "datatype": datatype, "shape": list(shape or (len(data),)), "data": data,
    }  # fmt: skip


def churn(*ages: float) -> dict[str, Any]:
    return {
        "inputs": [
            tensor("visits", "INT64", [3] * len(ages)),
            tensor("age", "FP32", list(ages), len(ages), 1),
            tensor("paying", "BOOL", [True] * len(ages)),
        ]
    }


def outputs(answer: Any) -> dict[str, Any]:
    return {output["name"]: output["data"] for output in answer["outputs"]}


def binary(body: dict[str, Any], *blobs: bytes) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(body).encode()
    return b"".join((head, *blobs)), {"Inference-Header-Content-Length": str(len(head))}


def parted(reply: Reply) -> tuple[Any, memoryview]:
    length = int(reply.headers["inference-header-content-length"])
    assert reply.headers["content-type"] == "application/octet-stream"
    return msgspec.json.decode(reply.body[:length]), memoryview(reply.body)[length:]
