"""What callers send on their worst day: each gets an error that says what to do, and no more."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.models import ROW, package_churn
from support.platform import Platform
from support.reply import Reply

PREDICT = "/v1/endpoints/churn/predict"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("bad") / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=1") as running:
        yield running


def rows(**changes: object) -> dict[str, object]:
    return {"rows": [ROW, {**ROW, **changes}]}


def refused(reply: Reply, status: int = 400) -> dict[str, Any]:
    """The error of a reply, which leaks nothing."""
    assert reply.status == status, reply.body
    text = reply.body.decode()
    for leak in ("Traceback", "/tmp", ".py", "site-packages", "SECRET"):
        assert leak not in text
    error: dict[str, Any] = reply.error
    assert error["message"]
    return error


def test_an_unknown_field_names_the_nearest(platform: Platform) -> None:
    error = refused(platform.predict("churn", rows(agee="SECRET")))
    problem = error["problems"][0]
    assert (problem["row"], problem["field"], problem["nearest"]) == (1, "agee", "age")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"age": "SECRET"}, "age"),
        ({"age": None}, "age"),
        ({"age": True}, "age"),
        ({"age": [1]}, "age"),
        ({"visits": 1.5}, "visits"),
        ({"visits": 10**400}, "visits"),
        ({"plan": 7}, "plan"),
        ({"plan": {"SECRET": 1}}, "plan"),
    ],
)
def test_a_wrong_value_names_row_field_and_what_was_expected(
    platform: Platform, changes: dict[str, object], field: str
) -> None:
    error = refused(platform.predict("churn", rows(**changes)))
    found = [p for p in error["problems"] if p["field"] == field]
    assert (found[0]["row"], bool(found[0]["expected"])) == (1, True)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"rows": [{"age": NaN, "visits": 1, "plan": "pro"}]}', "JSON"),
        (b'{"rows": [{"age": Infinity, "visits": 1, "plan": "pro"}]}', "JSON"),
        (b'{"rows": [', "JSON"),
        (b"", "JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"rows": [{"age": 1, "visits": 1, "plan": "\xff"}]}', "UTF-8"),
        (b'{"rows": "' + b"[" * 10 + b'"}', "list"),
        (b'{"rows": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nest"),
        (b'{"rows": []}', "row"),
        (b"[]", "rows"),
        (b'"x"', "rows"),
        (b"null", "rows"),
        (b'{"row": []}', "rows"),
        (b'{"rows": [{}], "unti": "u"}', "unit"),
        (b'{"rows": [[1, 2]]}', "3"),
        (b'{"rows": [[1, 2, "pro", 4]]}', "3"),
        (b'{"rows": [7]}', "row"),
        (b'{"rows": [{"age": 1, "visits": 1}], "unit": ["a", "b"]}', "unit"),
        (b'{"rows": [{"age": 1, "visits": 1}], "unit": 7}', "unit"),
    ],
)
def test_a_body_of_another_form_is_told_what_to_send(
    platform: Platform, body: bytes, word: str
) -> None:
    error = refused(platform.predict("churn", body))
    assert word.lower() in json.dumps(error).lower()


def test_of_a_key_that_stands_twice_the_last_counts(platform: Platform) -> None:
    body = b'{"rows": [{"age": "no", "visits": 1, "plan": null, "age": 30}]}'
    assert platform.predict("churn", body).status == 200


def test_a_million_rows_are_refused_before_they_are_read_whole(platform: Platform) -> None:
    one = b'{"age":42.5,"visits":3,"plan":"pro"},'
    reply = platform.predict("churn", b'{"rows":[' + one * 999_999 + one[:-1] + b"]}")
    error = refused(reply, 413)
    assert str(4 << 20) in error["message"]
    assert platform.predict("churn", {"rows": [ROW]}).status == 200


def test_too_many_small_rows_are_refused(platform: Platform) -> None:
    many = {"rows": [[1, 2, None]] * 10_001}
    assert "10000" in refused(platform.predict("churn", many))["message"]


def test_the_longest_request_that_is_allowed_is_answered(platform: Platform) -> None:
    reply = platform.predict("churn", {"rows": [[1, 2, "pro"]] * 10_000})
    assert len(reply.json["predictions"]) == 10_000


def test_a_wrong_endpoint_names_the_nearest(platform: Platform) -> None:
    assert "churn" in refused(platform.predict("chrun", {"rows": [ROW]}), 404)["hint"]


def test_a_wrong_path_and_a_wrong_method(platform: Platform) -> None:
    refused(platform.api("/v1/../etc/passwd"), 404)
    assert "POST" in refused(platform.api(PREDICT, method="GET"), 405)["message"]


@pytest.mark.parametrize(
    "item",
    [
        {"id": "nonsense", "value": 1},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {"value": 1},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": [1]},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "time": "yesterday"},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "time": "9999-12-31T23:59:59Z"},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "time": "0001-01-01T00:00:00Z"},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "label": "x"},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "name": ""},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": 1, "name": "n" * 129},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": "v" * 10_001},
    ],
)
def test_wrong_feedback_is_refused(platform: Platform, item: dict[str, object]) -> None:
    refused(platform.api("/v1/endpoints/churn/feedback", {"feedback": [item]}))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST "
        + PREDICT.encode()
        + b" HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_not_http_is_refused_and_hung_up_on(platform: Platform, raw: bytes) -> None:
    address = urlsplit(platform.addresses.api)
    with socket.create_connection((address.hostname, address.port), timeout=10) as sock:
        try:
            sock.sendall(raw)
            answer = sock.recv(65536)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.split()[1] in (b"400", b"413", b"414", b"431")
    assert platform.api("/health/live").status == 200


def test_nothing_of_it_became_a_prediction_of_a_wrong_row(platform: Platform) -> None:
    metrics = platform.api("/metrics").body.decode()
    assert 'fairlead_refused_requests_total{code="invalid_input",endpoint="churn"}' in metrics


def test_pages_of_other_sites_are_kept_out(platform: Platform) -> None:
    assert platform.control("/", headers={"Host": "evil.example"}).status == 421
    asked = platform.control(PREDICT, {"rows": [ROW]}, headers={"Origin": "https://evil.example"})
    assert asked.status == 403


def test_settings_are_refused_by_name(tmp_path: Path, platform: Platform) -> None:
    from support.platform import fairlead

    (tmp_path / "fairlead.toml").write_text("[server]\nprot = 1\n")
    assert "Did you mean 'server.port'?" in fairlead(
        tmp_path / ".fairlead", "config", "check", status=1
    )
