"""Hosts and origins: which browsers' requests are for this server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import Fault, Sites, fault_of

HERE = Sites(frozenset({"127.0.0.1", "::1", "localhost"}), frozenset({b"https://app.example"}))
ANY = Sites()


@pytest.mark.parametrize(
    ("sites", "host", "origin", "fault"),
    [
        (HERE, b"127.0.0.1:8080", None, None),
        (HERE, b"localhost", None, None),
        (HERE, b"LOCALHOST:1", None, None),
        (HERE, b"[::1]:8080", b"http://[::1]:8080", None),
        (HERE, None, None, None),
        (HERE, b"", None, "misdirected"),
        (HERE, b"evil.example", None, "misdirected"),
        (HERE, b"evil.example:8080", b"http://evil.example:8080", "misdirected"),
        (HERE, b"localhost.evil.example", None, "misdirected"),
        (HERE, b"localhost@evil.example", None, "misdirected"),
        (HERE, b"evil.example#localhost", None, "misdirected"),
        (HERE, b"[::1", None, "unreadable"),
        (HERE, b"localhost:1", b"http://localhost:1", None),
        (HERE, b"localhost:1", b"http://localhost:2", "foreign"),
        (HERE, b"localhost:1", b"https://app.example", None),
        (HERE, b"localhost:1", b"http://app.example", "foreign"),
        (HERE, b"localhost:1", b"https://app.example.evil.example", "foreign"),
        (HERE, b"localhost:1", b"https://app.example:444", "foreign"),
        (HERE, b"localhost:1", b"null", "foreign"),
        (HERE, b"localhost:1", b"", "foreign"),
        (HERE, b"localhost:1", b"*", "foreign"),
        (HERE, None, b"http://evil.example", "foreign"),
        (ANY, b"anything.example", None, None),
        (ANY, b"anything.example", b"https://anything.example", None),
        (ANY, b"anything.example", b"https://evil.example", "foreign"),
        (ANY, b"", b"null", "foreign"),
    ],
)
def test_only_pages_of_this_server_and_those_named_may_send(
    sites: Sites, host: bytes | None, origin: bytes | None, fault: Fault | None
) -> None:
    assert fault_of(sites, host, origin) == fault


@given(host=st.none() | st.binary(max_size=40), origin=st.binary(max_size=40))
def test_any_bytes_are_judged_without_fault(host: bytes | None, origin: bytes) -> None:
    fault_of(HERE, host, origin)
    assert fault_of(HERE, b"localhost", b"http://evil" + origin) is not None
