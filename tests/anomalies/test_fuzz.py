"""Good requests to every door, damaged at random: each is answered or refused, and tells nothing.

`FAIRLEAD_FUZZ_EXAMPLES` asks for more, and for others each time.
"""

from __future__ import annotations

import io
import os
import re
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.serving.message import Reply, Request
from fairlead.serving.transport.server import HttpLimits
from support.oip import binary, churn, serve_models, tensor
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.serving import HttpThread, receive, until_closed

EXAMPLES = int(os.environ.get("FAIRLEAD_FUZZ_EXAMPLES", "0"))
EXAMPLES_IN_CI = 400
MARKER = b"zqSECRETqz"
"""A caller's value, in each request in some place; no refusal may repeat it."""

TAKEN_AS = {100, 200, 400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 415, 417, 421, 422, 429,
            431, 501, 503, 504, 505}  # fmt: skip
"""501 and 505 are for framings and versions of HTTP that are not spoken."""

Pieces = list[bytes]


def post(path: str, body: object, kind: str = "application/json", **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost:8080", f"Content-Length: {len(raw)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def chunked(raw: bytes) -> bytes:
    head, body = raw.split(b"\r\n\r\n", 1)
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head)
    half = len(body) // 2
    chunks = b"%x;e=1\r\n%b\r\n%x\r\n%b\r\n" % (half, body[:half], len(body) - half, body[half:])
    return head + b"\r\n\r\n" + chunks + b"0\r\nX: y\r\n\r\n"


def seeds() -> list[bytes]:
    """One good request or more to each door that takes a body, and some that take none."""
    secret = MARKER.decode()
    text = {"a": secret, "b": "ß"}
    row = {"age": 30.5, "visits": 3, "paying": True}
    mixed = {
        "age": None, "plan": "pro", "note": secret, "at": "2024-05-01T12:00:00Z",
        "photo": "iVBORw0KGgo=", "pair": [1, 2.5],
    }  # fmt: skip
    frame = pl.DataFrame([text, text])
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet)
    frame.write_ipc_stream(arrow)
    form = (
        b"".join(
            b'--bb\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % part
            for part in [(b"a", MARKER), (b"b", b"y"), (b"unit", b"u")]
        )
        + b"--bb--\r\n"
    )
    texts, scoring = "/v1/endpoints/texts/predict", "/endpoints/texts/invocations"
    split = {"columns": ["a", "b"], "index": [0], "data": [[secret, "x"]]}
    strings = [tensor("a", "BYTES", [secret]), tensor("b", "BYTES", ["b"])]
    sized = {"binary_data_size": 14}
    blobs = {"name": "a", "datatype": "BYTES", "shape": [1], "parameters": sized}
    blob = b"\x0a\0\0\0" + MARKER
    head, told = binary({"inputs": [blobs, {**blobs, "name": "b"}]}, blob, blob)
    native = post(texts, {"rows": [text, text], "unit": ["u", "v"], "id": [secret, None]})
    timeout, default = {"timeout": 9_000_000}, "serving_default"
    return [
        native,
        chunked(native),
        post(texts, text, "", fairlead_timeout_ms="5000", Expect="100-continue"),
        post(texts, {"columns": {"a": [secret], "b": ["b"]}}, Accept="text/csv, */*;q=0.1"),
        post("/v1/endpoints/mixed/predict", {"rows": [mixed]}, Accept="application/json"),
        post("/v1/endpoints/churn/predict?unit=u&id=i", {"rows": [row, [1, 2, False]]}),
        post(texts, b"a,b\n" + MARKER + b',"x""y"\n', "text/csv; charset=utf-8"),
        post(texts, parquet.getvalue(), "application/vnd.apache.parquet"),
        post(texts, arrow.getvalue(), "application/vnd.apache.arrow.stream"),
        post(texts, form, "multipart/form-data; boundary=bb"),
        post("/v1/endpoints/texts/feedback", {"feedback": [
            {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": secret, "name": "label",
             "time": "2024-05-01T12:00:00Z"}]}),
        post("/v2/models/churn/infer", {**churn(3, 4), "id": "r", "parameters": timeout}),
        post("/v2/models/texts/infer", {"inputs": strings}, Accept_Encoding="gzip"),
        post("/v2/models/texts/versions/1/infer", head, "application/octet-stream", **told),
        post("/v2/models/picture/infer", b"\0" * 16, "", Inference_Header_Content_Length="0"),
        post("/v2/repository/index", {"ready": True}),
        post(scoring, {"dataframe_split": split}),
        post(scoring, {"dataframe_records": [text], "params": {}}),
        post(scoring, {"inputs": {"a": [secret], "b": ["b"]}}),
        post(scoring, b"a,b\n" + MARKER + b",b\n", "text/csv"),
        post("/v1/models/texts:predict", {"instances": [text], "signature_name": default}),
        post("/v1/models/churn:classify", {"examples": [row], "context": {}}),
        post("/v1/models/texts/versions/1:predict", {"inputs": {"a": [secret], "b": ["b"]}}),
        *(b"GET %b HTTP/1.1\r\nHost: localhost\r\nX-A: %b\r\n\r\n" % (path, MARKER) for path in (
            b"/v2", b"/v2/models/churn", b"/v2/models/churn/stats", b"/v1/models/churn/metadata",
            b"/v1/endpoints/churn/openapi.json", b"/version", b"/metrics",
            b"/health/ready", b"/execution-parameters",
        )),
    ]  # fmt: skip


SEEDS = seeds()
TOKENS = [
    b"\r\n", b"\n", b"\0", b"\xff", b" ", b":", b",", b"{", b"[" * 200, b"]", b'"', b"\\u0000",
    b"\\ud800", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 400, b"1.5", b"{}",
    b"[]", b'""', b"\xed\xa0\x80", b"\xe2\x80\xa8", b"Content-Length: 3\r\n", b"%2f", b"%00", b"..",
    b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"--bb", b"--bb--", b"0\r\n",
    b"Content-Encoding: deflate\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Inference-Header-Content-Length: 5\r\n",
    b"fairlead-timeout-ms: 1\r\n", b"Accept: application/vnd.apache.parquet\r\n", b'"unit":',
    b'"id":', b'"rows":', b'"parameters":{"binary_data_size":9}', b"INT64", b"BOOL", b"FP16",
    b'"shape":[-1]', b"4294967296", b"18446744073709551616", b"0001-01-01T00:00:00Z", b"text/csv",
]  # fmt: skip


def places(raw: bytes) -> st.SearchStrategy[int]:
    """Anywhere; as often in the body as in the head."""
    body = raw.find(b"\r\n\r\n") + 4
    return st.integers(0, len(raw)) | st.integers(min(body, len(raw)), len(raw))


@st.composite
def damaged(draw: st.DrawFn) -> Pieces:
    """A good request with up to five faults, in pieces as it is sent."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(places(raw))
        end = min(len(raw), at + draw(st.integers(0, 40)))
        match draw(st.sampled_from(("flip", "drop", "twice", "token", "cut", "other", "bytes"))):
            case "flip" if at < len(raw):
                flipped = bytes([raw[at] ^ 1 << draw(st.integers(0, 7))])
                raw = raw[:at] + flipped + raw[at + 1 :]
            case "drop":
                raw = raw[:at] + raw[end:]
            case "twice":
                raw = raw[:end] + raw[at:end] * draw(st.integers(1, 3)) + raw[end:]
            case "token":
                raw = raw[:at] + draw(st.sampled_from(TOKENS)) + raw[end:]
            case "cut":
                raw = raw[: max(at, 1)]
            case "other":
                other = draw(st.sampled_from(SEEDS))
                raw = raw[:at] + other[draw(places(other)) :]
            case "bytes":
                raw = raw[:at] + draw(st.binary(max_size=8)) + raw[at:]
    if draw(st.booleans()):
        raw = told(raw)
    cuts = draw(st.lists(st.integers(0, len(raw)), max_size=2))
    return [raw[a:b] for a, b in pairwise([0, *sorted(cuts), len(raw)])]


def told(raw: bytes) -> bytes:
    """With the length of the body as it is now, so that it gets past the transport."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    length = b"Content-Length: %d" % len(body)
    return re.sub(rb"Content-Length: \d+", length, head) + gap + body


class Asked:
    """Every door over a socket."""

    def __init__(self, server: HttpThread) -> None:
        self._server = server
        self._good: socket.socket | None = None

    def send(self, pieces: Pieces) -> bytes:
        """What comes back for some bytes and their end; no answer in time is a failure."""
        with self._server.connect() as sock:
            try:
                for piece in pieces:
                    sock.sendall(piece)
                sock.shutdown(socket.SHUT_WR)
                return until_closed(sock)
            except ConnectionError:  # it was refused before it was sent whole
                return b""

    def answers(self) -> bool:
        """Whether a good request is answered, on a connection that has seen others."""
        if self._good is None:
            self._good = self._server.connect()
        self._good.sendall(post("/v1/endpoints/texts/predict", {"rows": [["a", "b"]]}))
        return receive(self._good, until=b"]}").startswith(b"HTTP/1.1 200")

    def close(self) -> None:
        if self._good is not None:
            self._good.close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    def handle(request: Request, reply: Reply) -> None:
        plane.router.handle(request, reply)

    server = HttpThread(handle, HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2))
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with PlaneInProcess(folder, server.loop) as plane, server:
        serve_models(plane)
        asked = Asked(server)
        yield asked
        asked.close()


def replies(raw: bytes) -> list[tuple[int, bytes]]:
    """The status and the rest of each reply."""
    found = re.split(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n", raw)
    return [(int(status), rest) for status, rest in zip(found[1::2], found[2::2], strict=True)]


def test_the_requests_are_good_before_they_are_damaged(asked: Asked) -> None:
    bad = {seed: got for seed in SEEDS if replies(got := asked.send([seed]))[-1][0] != 200}
    assert not bad


@settings(
    max_examples=EXAMPLES or EXAMPLES_IN_CI,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(damaged())
def test_damaged_requests_are_answered_or_refused_and_tell_nothing(
    asked: Asked, pieces: Pieces
) -> None:
    raw = asked.send(pieces)
    assert not raw or raw.startswith(b"HTTP/1.1 ")
    for status, rest in replies(raw):
        assert status in TAKEN_AS, rest
        assert status < 400 or MARKER not in rest
        assert b"Traceback" not in rest
    assert asked.answers()
