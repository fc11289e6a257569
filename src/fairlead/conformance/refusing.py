"""Checks of what a server must not answer, and of how it says so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fairlead.conformance.asking import BINARY, binary_request
from fairlead.conformance.server import LENGTH, Session
from fairlead.conformance.types import Check, Failed, Json, Reply, Skipped

NOBODY = "no-model-has-this-name"


def expect_refused(reply: Reply) -> None:
    """See that a request was refused as the protocol says: a status of 4xx, and one text.

    Raises:
        Failed: it was answered, or failed, or says nothing.
    """
    if not 400 <= reply.status < 500:
        raise Failed(f"status {reply.status}")
    try:
        told = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeError):
        raise Failed("the body of the error is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("error"), str) or not told["error"]:
        raise Failed("the body of the error has no text under 'error'")


def _changed(change: Callable[[list[Json]], None]) -> Callable[[Session], None]:
    """A look at a request whose inputs were spoiled."""

    def look(session: Session) -> None:
        session.baseline()
        inputs = [sample.as_json() for sample in session.samples]
        change(inputs)
        expect_refused(session.infer(msgspec.json.encode({"inputs": inputs})))

    return look


def _rename(inputs: list[Json]) -> None:
    inputs[0]["name"] = "no-input-has-this-name"


def _wrong_datatype(inputs: list[Json]) -> None:
    inputs[0]["datatype"] = "FP33"


def _too_few(inputs: list[Json]) -> None:
    inputs[0]["data"] = inputs[0]["data"][1:]


def _too_many(inputs: list[Json]) -> None:
    inputs[0]["data"] = inputs[0]["data"] * 2


def _wrong_rank(inputs: list[Json]) -> None:
    inputs[0]["shape"] = [*inputs[0]["shape"], 1, 1, 1]


def _negative(inputs: list[Json]) -> None:
    inputs[0]["shape"] = [-1, *inputs[0]["shape"][1:]]


def _huge(inputs: list[Json]) -> None:
    inputs[0]["shape"] = [2**40, 2**20]


def _other_values(inputs: list[Json]) -> None:
    inputs[0]["data"] = [{"not": "a value"} for _ in inputs[0]["data"]]


def _body(body: bytes) -> Callable[[Session], None]:
    return lambda session: expect_refused(session.infer(body))


def _unknown_model(session: Session) -> None:
    body = b'{"inputs": []}'
    expect_refused(session.ask("POST", f"/v2/models/{NOBODY}/infer", body))
    expect_refused(session.ask("GET", f"/v2/models/{NOBODY}"))


def _unknown_version(session: Session) -> None:
    expect_refused(session.infer(session.body(), version="999999"))


def _unknown_output(session: Session) -> None:
    session.baseline()
    expect_refused(session.infer(session.body(outputs=[{"name": "no-output-has-this-name"}])))


def _nan(session: Session) -> None:
    """A token that is no JSON may be taken or refused, but must not break the server."""
    inputs = [sample.as_json() for sample in session.samples]
    floats = [item for item in inputs if item["datatype"].startswith("FP")]
    if not floats:
        raise Skipped("no input has floating point numbers in JSON")
    floats[0]["data"] = ["@@" for _ in floats[0]["data"]]
    body = msgspec.json.encode({"inputs": inputs}).replace(b'"@@"', b"NaN")
    reply = session.infer(body)
    if reply.status != 200:
        expect_refused(reply)


def _short_binary(session: Session) -> None:
    session.baseline()
    body, headers = binary_request(session)
    expect_refused(session.infer(body[:-1], headers))


def _long_binary(session: Session) -> None:
    session.baseline()
    body, headers = binary_request(session)
    expect_refused(session.infer(body + b"\0", headers))


def _header_beyond_body(session: Session) -> None:
    body = session.body()
    expect_refused(session.infer(body, {LENGTH: str(len(body) + 1000)}))


CHECKS = (
    Check("errors", "refuses an unknown model", _unknown_model),
    Check("errors", "refuses an unknown version", _unknown_version),
    Check("errors", "refuses an unknown input", _changed(_rename)),
    Check("errors", "refuses an unknown output", _unknown_output),
    Check("errors", "refuses an unknown datatype", _changed(_wrong_datatype)),
    Check("errors", "refuses a shape of another rank", _changed(_wrong_rank)),
    Check("errors", "refuses a negative dimension", _changed(_negative)),
    Check("errors", "refuses a huge shape with little data", _changed(_huge)),
    Check("errors", "refuses too few values", _changed(_too_few)),
    Check("errors", "refuses too many values", _changed(_too_many)),
    Check("errors", "refuses objects as values", _changed(_other_values)),
    Check("errors", "refuses an empty body", _body(b"")),
    Check("errors", "refuses malformed JSON", _body(b'{"inputs": [')),
    Check("errors", "refuses JSON of another form", _body(b'["inputs"]')),
    Check("errors", "refuses no inputs at all", _body(b'{"inputs": []}')),
    Check("errors", "takes or refuses NaN in JSON", _nan),
    Check("errors", "refuses binary data cut short", _short_binary, extension=BINARY),
    Check("errors", "refuses binary data left over", _long_binary, extension=BINARY),
    Check("errors", "refuses a header beyond the body", _header_beyond_body, extension=BINARY),
)
