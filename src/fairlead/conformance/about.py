"""Checks of what a server tells of itself and its model."""

from __future__ import annotations

from typing import Any

from fairlead.conformance.server import Session, body_of
from fairlead.conformance.types import Check, Failed, Skipped

DATATYPES = frozenset(
    {
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
        "FP16", "BF16", "FP32", "FP64", "BYTES",
    }
)  # fmt: skip


def _status(path: str) -> Any:
    def look(session: Session) -> None:
        status = session.ask("GET", path).status
        if status != 200:
            raise Failed(f"status {status}")

    return look


def _server(session: Session) -> None:
    _expect_server(session.get("/v2"))


def _server_with_slash(session: Session) -> None:
    _expect_server(session.get("/v2/"))


def _expect_server(told: Any) -> None:
    _expect(isinstance(told, dict), "no object")
    for key in ("name", "version"):
        _expect(isinstance(told.get(key), str), f"'{key}' is no text")
    _expect(isinstance(told.get("extensions"), list), "'extensions' is no list")


def _model_ready(session: Session) -> None:
    _status(session.path + "/ready")(session)


def _model(session: Session) -> None:
    told = session.get(session.path)
    _expect(isinstance(told, dict), "no object")
    _expect(told.get("name") == session.model, "'name' is not the model's")
    _expect(isinstance(told.get("platform"), str), "'platform' is no text")
    for side in ("inputs", "outputs"):
        tensors = told.get(side)
        _expect(isinstance(tensors, list) and bool(tensors), f"'{side}' is no list of tensors")
        for tensor in tensors:
            _expect(isinstance(tensor.get("name"), str), f"a tensor of '{side}' has no name")
            known = tensor.get("datatype") in DATATYPES
            _expect(known, f"a tensor of '{side}' has a datatype that there is not")
            shape = tensor.get("shape")
            whole = isinstance(shape, list) and all(isinstance(n, int) and n >= -1 for n in shape)
            _expect(whole, f"a tensor of '{side}' has no shape")


def _version(session: Session) -> str:
    versions = session.metadata.get("versions")
    if not isinstance(versions, list) or not versions:
        raise Skipped("the metadata names no versions")
    return str(versions[0])


def _version_metadata(session: Session) -> None:
    told = session.get(f"{session.path}/versions/{_version(session)}")
    _expect(told.get("name") == session.model, "'name' is not the model's")


def _version_ready(session: Session) -> None:
    _status(f"{session.path}/versions/{_version(session)}/ready")(session)


def _version_infer(session: Session) -> None:
    version = _version(session)
    session.baseline()
    reply = session.infer(session.body(), version=version)
    told = body_of(reply).get("model_version")
    _expect(str(told) == version, "'model_version' is not the one that was asked for")


def _index(session: Session) -> None:
    told = body_of(session.ask("POST", "/v2/repository/index", b""))
    _expect(isinstance(told, list), "no list")
    _expect(session.model in [row.get("name") for row in told], "the model is not in it")


def _index_ready(session: Session) -> None:
    told = body_of(session.ask("POST", "/v2/repository/index", b'{"ready": true}'))
    _expect(session.model in [row.get("name") for row in told], "the model is not in it")


def _statistics(session: Session) -> None:
    rows = session.get(session.path + "/stats").get("model_stats")
    _expect(isinstance(rows, list) and bool(rows), "'model_stats' is no list")
    _expect(rows[0].get("name") == session.model, "they are of another model")
    _expect("inference_stats" in rows[0], "'inference_stats' is missing")


def _config(session: Session) -> None:
    told = session.get(session.path + "/config")
    _expect(told.get("name") == session.model, "'name' is not the model's")
    _expect(bool(told.get("input")) and bool(told.get("output")), "'input' or 'output' is missing")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


CHECKS = (
    Check("health", "says that it is live", _status("/v2/health/live")),
    Check("health", "says that it is ready", _status("/v2/health/ready")),
    Check("health", "says that the model is ready", _model_ready),
    Check("metadata", "tells its name, version and extensions", _server),
    Check("metadata", "tells them at /v2/ too", _server_with_slash, required=False),
    Check("metadata", "tells the model's tensors", _model),
    Check("versions", "tells a version's tensors", _version_metadata),
    Check("versions", "says that a version is ready", _version_ready),
    Check("versions", "answers by the version in the path", _version_infer),
    Check("index", "lists models to an empty body", _index, extension="model_repository"),
    Check("index", "lists models that are ready", _index_ready, extension="model_repository"),
    Check("statistics", "tells a model's statistics", _statistics, extension="statistics"),
    Check(
        "configuration", "tells a model's configuration", _config,
        extension="model_configuration",
    ),
)  # fmt: skip
