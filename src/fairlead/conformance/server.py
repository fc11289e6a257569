"""The server under test: asks it over HTTP, and remembers what it told of its model."""

from __future__ import annotations

import base64
import gzip
import http.client
import struct
from collections.abc import Mapping, Sequence
from math import isclose, prod
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from fairlead.conformance.samples import Sample, decode, flat, given_sample, sample_of
from fairlead.conformance.types import Failed, Json, Reply, Skipped
from fairlead.errors import ConfigError, InputError, UnavailableError

TIMEOUT_S = 30.0
LENGTH = "inference-header-content-length"
SHOWN = 120

Tensors = dict[str, tuple[str, list[int], list[Any]]]
"""Outputs by name: datatype, shape and values in row-major order."""


class Session:
    """A server, a model on it, and a request that the model should answer.

    Args:
        url: of the server.
        model: its name.
        request: inputs that the model takes, as a body of JSON; made from metadata if None.
        headers: of every request.
    """

    def __init__(
        self,
        url: str,
        model: str,
        request: Json | None = None,
        headers: Mapping[str, str] = {},
    ) -> None:
        self._url = urlsplit(url)
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ConfigError(f"{url} is no URL of a server.", hint="Give http://host:port.")
        self.path = f"/v2/models/{quote(model, safe='')}"
        self.model = model
        self._request = request
        self._headers = dict(headers)
        self._metadata: Json | None = None
        self._baseline: Tensors | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> Reply:
        """One request, with no other headers than a client must send.

        Raises:
            UnavailableError: the server is not there.
            Failed: it hung up.
        """
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)
        try:
            connection.connect()
        except OSError as error:
            raise UnavailableError(
                f"{self._url.geturl()} cannot be reached: {error.strerror or error}."
            ) from None
        try:
            sent = {**self._headers, **headers}
            connection.request(method, self._url.path.rstrip("/") + path, body, sent)
            got = connection.getresponse()
            raw = got.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"no reply: {type(error).__name__}") from None
        finally:
            connection.close()
        told = {name.lower(): value for name, value in got.headers.items()}
        if told.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return Reply(got.status, told, raw)

    def get(self, path: str) -> Any:
        """The JSON at a path.

        Raises:
            Failed: the status is not 200, or the body no JSON.
        """
        return body_of(self.ask("GET", path))

    @property
    def extensions(self) -> list[str]:
        """What the server announces; nothing if it does not tell."""
        try:
            told = self.get("/v2")
        except Failed:
            return []
        found = told.get("extensions") if isinstance(told, dict) else None
        return [str(name) for name in found] if isinstance(found, list) else []

    @property
    def metadata(self) -> Json:
        """The model's, asked once.

        Raises:
            Skipped: the server does not tell it.
        """
        if self._metadata is None:
            try:
                self._metadata = self.get(self.path)
            except Failed as failed:
                raise Skipped(f"there is no metadata to go by: {failed}") from None
        return self._metadata

    @property
    def samples(self) -> list[Sample]:
        """Values for every input.

        Raises:
            InputError: the request that was given is not of the protocol's form.
        """
        if self._request is None:
            return [sample_of(tensor) for tensor in self.metadata.get("inputs", [])]
        try:
            return [given_sample(item) for item in self._request["inputs"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(
                "The request is not of the protocol's form.",
                hint='Give {"inputs": [{"name", "shape", "datatype", "data"}]} with JSON data.',
            ) from None

    def body(self, *, nested: bool = False, **more: Any) -> bytes:
        """A request of JSON that should be answered, with further keys."""
        inputs = [sample.as_json(nested=nested) for sample in self.samples]
        return msgspec.json.encode({"inputs": inputs, **more})

    def infer(self, body: bytes, headers: Mapping[str, str] = {}, version: str = "") -> Reply:
        """Ask the model."""
        path = f"{self.path}/versions/{quote(version, safe='')}" if version else self.path
        return self.ask("POST", path + "/infer", body, headers)

    def baseline(self) -> Tensors:
        """The answer that every other form of the same request must give, too.

        Raises:
            Skipped: the plainest request is not answered.
        """
        if self._baseline is None:
            reply = self.infer(self.body(), {"content-type": "application/json"})
            if reply.status != 200:
                raise Skipped(
                    f"the model does not answer inputs made from its metadata (status "
                    f"{reply.status}); give ones that it takes with --request"
                )
            self._baseline = tensors_of(reply)
        return self._baseline

    def expect_same(self, reply: Reply, names: Sequence[str] | None = None) -> None:
        """See that a reply holds the outputs of the baseline, or some of them.

        Raises:
            Failed: it does not.
        """
        found = tensors_of(reply)
        expected = self.baseline()
        if names is not None:
            expected = {name: expected[name] for name in names}
        if found.keys() != expected.keys():
            raise Failed(f"the outputs are {sorted(found)}, not {sorted(expected)}")
        for name, (datatype, shape, values) in found.items():
            if (datatype, shape) != expected[name][:2]:
                raise Failed(f"output '{name}' has another datatype or shape than before")
            if not alike(values, expected[name][2]):
                raise Failed(f"output '{name}' has other values than before")


def alike(some: list[Any], others: list[Any]) -> bool:
    """Whether values are equal, numbers nearly: JSON and binary may round differently.

    Args:
        some: from either form.
        others: from JSON.
    """
    return len(some) == len(others) and all(map(_alike, some, others))


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return isclose(one, other, rel_tol=1e-5, abs_tol=1e-7) or (one != one and other != other)
    if isinstance(one, bytes) and isinstance(other, str):
        return other in (one.decode("utf-8", "replace"), base64.b64encode(one).decode())
    return bool(one == other)


def body_of(reply: Reply) -> Any:
    """The JSON of a reply.

    Raises:
        Failed: the status is not 200, or the body no JSON.
    """
    if reply.status != 200:
        said = reply.body[:SHOWN].decode("utf-8", "replace").strip()
        raise Failed(f"status {reply.status}" + (f": {said}" if said else ""))
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeError):
        raise Failed("the body is no JSON") from None


def tensors_of(reply: Reply) -> Tensors:
    """The outputs of a reply, from JSON or from what follows it.

    Raises:
        Failed: they are not as the protocol says.
    """
    length = int(reply.headers.get(LENGTH, len(reply.body)))
    head = body_of(Reply(reply.status, reply.headers, reply.body[:length]))
    left = reply.body[length:]
    if not isinstance(head, dict) or not isinstance(head.get("outputs"), list):
        raise Failed("the reply has no list of outputs")
    found: Tensors = {}
    for output in head["outputs"]:
        try:
            name, datatype, shape = output["name"], output["datatype"], list(output["shape"])
            size = (output.get("parameters") or {}).get("binary_data_size")
            if size is None:
                values = flat(output["data"])
            else:
                values, left = decode(datatype, left[:size]), left[size:]
        except (KeyError, TypeError, AttributeError, struct.error) as error:
            raise Failed(
                f"an output is not of the protocol's form: {type(error).__name__}"
            ) from None
        if len(values) != prod(shape):
            raise Failed(f"output '{name}' has {len(values)} values for the shape {shape}")
        found[name] = datatype, shape, values
    if left:
        raise Failed(f"{len(left)} bytes follow that belong to no output")
    return found
