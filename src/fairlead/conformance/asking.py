"""Checks of inference: the same request in every form gets the same answer."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import msgspec

from fairlead.conformance.server import LENGTH, Session, body_of, tensors_of
from fairlead.conformance.types import Check, Failed, Json, Reply, Skipped

ID = 'r-1 "ü"'
MANY = 1000
"""Rows whose answer is worth compressing: servers leave small ones as they are."""


def _flat(session: Session) -> None:
    reply = session.infer(session.body(), {"content-type": "application/json"})
    told = body_of(reply)
    if told.get("model_name") != session.model:
        raise Failed("'model_name' is not the model's")
    declared = {t["name"]: t["datatype"] for t in session.metadata.get("outputs", [])}
    found = tensors_of(reply)
    if found.keys() != declared.keys():
        raise Failed(f"the outputs are {sorted(found)}, the metadata tells {sorted(declared)}")
    for name, (datatype, _, _) in found.items():
        if datatype != declared[name]:
            raise Failed(f"output '{name}' is {datatype}, the metadata tells {declared[name]}")


def _nested(session: Session) -> None:
    session.expect_same(session.infer(session.body(nested=True)))


def _no_content_type(session: Session) -> None:
    session.expect_same(session.infer(session.body()))


def _form_content_type(session: Session) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    session.expect_same(session.infer(session.body(), headers))


def _id(session: Session) -> None:
    session.baseline()
    if body_of(session.infer(session.body(id=ID))).get("id") != ID:
        raise Failed("'id' is not the one that was sent")


def _requested(session: Session) -> None:
    name = next(iter(session.baseline()))
    session.expect_same(session.infer(session.body(outputs=[{"name": name}])), [name])


def _repeated(session: Session, times: int) -> bytes:
    """The session's request with its rows over and over."""
    batched = session.metadata["inputs"] + session.metadata["outputs"]
    if any(tensor["shape"][:1] != [-1] for tensor in batched):
        raise Skipped("not every tensor has a first dimension that may vary")
    inputs = [sample.times(times).as_json() for sample in session.samples]
    return msgspec.json.encode({"inputs": inputs})


def _expect_repeated(session: Session, reply: Reply, times: int) -> None:
    """See that each of the same rows got the same answer."""
    found = tensors_of(reply)
    for name, (_, shape, values) in session.baseline().items():
        if found[name][1] != [times * shape[0], *shape[1:]]:
            raise Failed(f"output '{name}' has not {times} times the rows")
        if found[name][2] != values * times:
            raise Failed(f"output '{name}' has other values than for one row alone")


def _two_rows(session: Session) -> None:
    session.baseline()
    _expect_repeated(session, session.infer(_repeated(session, 2)), 2)


def _compressed(encoding: str) -> Any:
    def look(session: Session) -> None:
        session.baseline()
        compress = gzip.compress if encoding == "gzip" else zlib.compress
        reply = session.infer(compress(session.body()), {"content-encoding": encoding})
        session.expect_same(reply)

    return look


def _gzip_reply(session: Session) -> None:
    session.expect_same(session.infer(session.body(), {"accept-encoding": "gzip"}))


def _gzip_large_reply(session: Session) -> None:
    session.baseline()
    body = _repeated(session, MANY)
    if session.infer(body).status != 200:
        raise Skipped(f"{MANY} rows at a time are not answered")
    reply = session.infer(body, {"accept-encoding": "gzip"})
    _expect_repeated(session, reply, MANY)
    if reply.headers.get("content-encoding") != "gzip":
        raise Failed(f"the reply of {len(reply.body)} bytes is not compressed")


def binary_request(session: Session, **more: Any) -> tuple[bytes, dict[str, str]]:
    """The session's request with all inputs in binary, and the header that tells so."""
    pairs = [sample.as_binary() for sample in session.samples]
    head = msgspec.json.encode({"inputs": [item for item, _ in pairs], **more})
    return head + b"".join(raw for _, raw in pairs), {LENGTH: str(len(head))}


def _binary_in(session: Session) -> None:
    session.baseline()
    session.expect_same(session.infer(*binary_request(session)))


def _binary_in_typed(session: Session) -> None:
    session.baseline()
    body, headers = binary_request(session)
    headers["content-type"] = "application/octet-stream"
    session.expect_same(session.infer(body, headers))


def _binary_out(session: Session) -> None:
    names = list(session.baseline())
    outputs: list[Json] = [{"name": n, "parameters": {"binary_data": True}} for n in names]
    reply = session.infer(session.body(outputs=outputs))
    if LENGTH not in reply.headers:
        body_of(reply)  # says it if the status is no success
        raise Failed(f"the reply has no header {LENGTH}")
    session.expect_same(reply)


def _binary_default(session: Session) -> None:
    session.baseline()
    body, headers = binary_request(session, parameters={"binary_data_output": True})
    reply = session.infer(body, headers)
    if reply.status == 200 and LENGTH not in reply.headers:
        raise Failed(f"the reply has no header {LENGTH}")
    session.expect_same(reply)


def _binary_overridden(session: Session) -> None:
    first, *others = list(session.baseline())
    outputs: list[Json] = [{"name": first, "parameters": {"binary_data": False}}]
    outputs += [{"name": name} for name in others]
    parameters = {"binary_data_output": True}
    reply = session.infer(session.body(outputs=outputs, parameters=parameters))
    session.expect_same(reply)
    head = msgspec.json.decode(reply.body[: int(reply.headers.get(LENGTH, len(reply.body)))])
    if any("data" not in output for output in head["outputs"] if output["name"] == first):
        raise Failed("an output came in binary that was asked for in JSON")


BINARY = "binary_tensor_data"
CHECKS = (
    Check("inference", "answers flat data", _flat),
    Check("inference", "answers nested data", _nested),
    Check("inference", "needs no content type", _no_content_type),
    Check("inference", "takes JSON of a form's content type", _form_content_type, required=False),
    Check("inference", "gives an id back as it was", _id),
    Check("inference", "gives only the outputs that were asked for", _requested),
    Check("inference", "answers two rows as it does one", _two_rows, required=False),
    Check("compression", "takes gzip", _compressed("gzip"), required=False),
    Check("compression", "takes deflate", _compressed("deflate"), required=False),
    Check("compression", "answers who takes gzip", _gzip_reply),
    Check("compression", "compresses large answers", _gzip_large_reply, required=False),
    Check("binary", "takes binary inputs without a content type", _binary_in, extension=BINARY),
    Check("binary", "takes binary inputs of octets", _binary_in_typed, extension=BINARY),
    Check("binary", "gives binary outputs", _binary_out, extension=BINARY),
    Check("binary", "gives all outputs binary", _binary_default, extension=BINARY),
    Check("binary", "gives one output in JSON all the same", _binary_overridden, extension=BINARY),
)
