"""How the client shows a key, and whom it takes for the server."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from scripted import refusal, reply, serving

from fairlead import Client, ConfigError, ForbiddenError, RateError, UnauthorizedError
from fairlead.app.tls import own_context, server_context
from support.certificates import make_certificate

LISTED = reply({"endpoints": []})


def test_a_key_is_shown_with_every_request() -> None:
    with serving(LISTED, LISTED) as server, Client(server.url, key="fl_a_b") as client:
        client.endpoints()
        client.endpoints()
        assert [one.headers["authorization"] for one in server.asked] == ["Bearer fl_a_b"] * 2
        assert "fl_a_b" not in repr(client)
    with serving(LISTED) as server, Client(server.url) as client:
        client.endpoints()
        assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("key", ["", "a b", "a\r\nx: y", "ü", "a\n"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Client("http://127.0.0.1:1", key=key)
    assert not key or key not in str(refused.value)


def test_refusals_have_errors_of_their_own() -> None:
    moves = refusal(401, "unauthorized"), refusal(403, "forbidden")
    with serving(*moves) as server, Client(server.url, key="k") as client:
        with pytest.raises(UnauthorizedError):
            client.endpoints()
        with pytest.raises(ForbiddenError):
            client.endpoints()


def test_who_is_too_fast_waits_as_long_as_it_is_told_also_with_rows() -> None:
    late = reply({"error": {"code": "too_many_requests", "message": "No."}}, 429, retry_after="3")
    pauses: list[float] = []
    body = reply({"endpoint": "m", "revision": 1, "predictions": [{"id": "1", "version": "m:1"}]})
    with (
        serving(late, body) as server,
        Client(server.url, key="k", sleep=pauses.append) as client,
    ):
        assert client.predict("m", {"x": 1})["version"] == "m:1"
        assert len(pauses) == 1
        assert pauses[0] >= 3
    with serving(late) as server, Client(server.url, key="k", retries=0) as client:
        with pytest.raises(RateError) as refused:
            client.predict("m", {"x": 1})
        assert refused.value.retry_after_s == 3


def test_certificates_to_trust_are_given_as_a_file_or_a_context(tmp_path: Path) -> None:
    made = make_certificate(tmp_path / "tls", "localhost")
    context = server_context(str(made.cert), str(made.key))
    for ca in (made.authority, str(made.authority), own_context(str(made.cert))):
        with serving(LISTED, context=context) as server:
            url = server.url.replace("127.0.0.1", "localhost")
            with Client(url, ca=ca, retries=0) as client:
                assert client.endpoints() == []


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for ca in (tmp_path / "none.pem", tmp_path / "junk.pem"):
        with pytest.raises(ConfigError, match="certificates"):
            Client("https://127.0.0.1:1", ca=ca)
    with pytest.raises(ConfigError, match="https"):
        Client("http://127.0.0.1:1", ca=ssl.create_default_context())
