"""The same question at several doors: how each is asked, and what its reply says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from support.soak.oracle import LABELS, Oracle

Rows = Sequence[dict[str, Any]]
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Question:
    """A request.

    Args:
        path: of its door.
        body: as sent.
        headers: as sent.
    """

    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a reply says.

    Args:
        labels: of each row.
        shares: of each row the probabilities of all classes; empty where the door tells none.
        version: that answered; empty where the door tells none.
        ids: of the predictions; empty where the door tells none.
    """

    labels: list[str]
    shares: Sequence[Any]
    version: str
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Door:
    """One way to ask.

    Args:
        name: of it.
        ask: writes a question.
        read: reads a reply of status 200.
        whole: whether no value may be missing.
    """

    name: str
    ask: Callable[[Rows], Question]
    read: Callable[[bytes, dict[str, str]], Told]
    whole: bool = False


def _json(path: str, body: object) -> Question:
    return Question(path, msgspec.json.encode(body), JSON)


def _columns(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _native(raw: bytes, _: dict[str, str]) -> Told:
    rows = msgspec.json.decode(raw)["predictions"]
    (version,) = {row["version"] for row in rows}
    shares = [[row["probabilities"][label] for label in LABELS] for row in rows]
    return Told([row["label"] for row in rows], shares, version, [row["id"] for row in rows])


def _tensors(rows: Rows) -> list[dict[str, Any]]:
    kinds = {"age": "FP64", "visits": "INT64", "plan": "BYTES"}
    return [
        {"name": name, "datatype": kinds[name], "shape": [len(rows)], "data": values}
        for name, values in _columns(rows).items()
    ]


def _oip(raw: bytes, _: dict[str, str]) -> Told:
    found = msgspec.json.decode(raw)
    label, shares = (output["data"] for output in found["outputs"])
    return Told(label, np.array(shares).reshape(-1, 2).tolist(), *_named(found))


def _named(found: dict[str, Any]) -> tuple[str, list[str]]:
    ids = found["parameters"]["prediction_id"].split(",")
    return f"{found['model_name']}:{found['model_version']}", ids


def _ask_binary(rows: Rows) -> Question:
    blobs = [
        np.array([row["age"] for row in rows], "<f8").tobytes(),
        np.array([row["visits"] for row in rows], "<i8").tobytes(),
        b"".join(struct.pack("<I", len(row["plan"])) + row["plan"].encode() for row in rows),
    ]
    tensors = [
        {k: v for k, v in tensor.items() if k != "data"}
        | {"parameters": {"binary_data_size": len(blob)}}
        for tensor, blob in zip(_tensors(rows), blobs, strict=True)
    ]
    body = {"inputs": tensors, "parameters": {"binary_data_output": True}}
    head = msgspec.json.encode(body)
    headers = {"inference-header-content-length": str(len(head))}
    return Question("/v2/models/churn/infer", head + b"".join(blobs), headers)


def _binary(raw: bytes, headers: dict[str, str]) -> Told:
    length = int(headers["inference-header-content-length"])
    found, labels = msgspec.json.decode(raw[:length]), []
    shares = np.frombuffer(raw[-16 * found["outputs"][1]["shape"][0] :], "<f8").reshape(-1, 2)
    place = length
    for _ in shares:
        (size,) = struct.unpack_from("<I", raw, place)
        labels.append(raw[place + 4 : place + 4 + size].decode())
        place += 4 + size
    return Told(labels, shares.tolist(), *_named(found))


def _served(raw: bytes, _: dict[str, str]) -> Told:
    rows = msgspec.json.decode(raw)["predictions"]
    return Told([row["label"] for row in rows], [row["probabilities"] for row in rows], "", [])


DOORS = (
    Door("rows", lambda rows: _json("/v1/endpoints/churn/predict", {"rows": rows}), _native),
    Door(
        "columns",
        lambda rows: _json("/v1/endpoints/churn/predict", {"columns": _columns(rows)}),
        _native,
    ),
    Door(
        "OIP, JSON",
        lambda rows: _json("/v2/models/churn/infer", {"inputs": _tensors(rows)}),
        _oip,
        whole=True,
    ),
    Door("OIP, binary", _ask_binary, _binary, whole=True),
    Door(
        "MLflow",
        lambda rows: _json("/invocations", {"dataframe_records": rows}),
        lambda raw, _: Told(msgspec.json.decode(raw)["predictions"], [], "", []),
    ),
    Door(
        "TF Serving",
        lambda rows: _json("/v1/models/churn:predict", {"instances": rows}),
        _served,
        whole=True,
    ),
)


def judge(oracle: Oracle, places: Sequence[int], told: Told) -> frozenset[str]:
    """The versions that a reply may come from, given the one that it names; none if it is wrong."""
    right = oracle.by(places, told.labels, told.shares)
    return right & {told.version} if told.version else right
