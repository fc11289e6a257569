"""Signing in: by key, by name and password, by link; and how it is not done."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import Sessions
from fairlead.access.entries import LIFE_S as LINK_LIFE_S
from fairlead.access.types import ENTRIES
from fairlead.cli.main import cli
from fairlead.errors import UnauthorizedError
from support.control import control_of
from support.guarded import PASSWORD, Guarded, Headers, cookie_of

HOSTILE = (
    "<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "' onfocus='alert(1)",
    "javascript:alert(1)", "{{ 7*7 }}", "\u202egnp.exe", "</title><svg onload=alert(1)>",
)  # fmt: skip


@pytest.fixture
def world() -> Guarded:
    return Guarded()


def form(**fields: str) -> bytes:
    return "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()


def test_a_session_of_a_key_that_may_not_look_is_not_begun(world: Guarded) -> None:
    _, secret = world.keys.create("bob", ["predict", "feedback"])
    refused = world.ask("POST", "/login", body=form(key=secret))
    assert (refused.status, "set-cookie" in refused.headers) == (403, False)
    assert b"view" in refused.body
    assert secret.encode() not in refused.body


@pytest.mark.parametrize(
    "body", [b"", b"key", b"key=", b"key=%ff%fe", b"\xff" * 900, b"a=1&" * 200, b"key=%00",
             b"a&" * 8000, b"name=&password=", b"x" * 20_000, b"name=ann", b"name=%00&password=x"],
)  # fmt: skip
def test_a_form_that_makes_no_sense_is_refused(world: Guarded, body: bytes) -> None:
    assert world.ask("POST", "/login", body=body).status == 401


def test_a_wrong_name_is_told_no_more_than_a_wrong_password(world: Guarded) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    world.users.add("bob", "viewer", PASSWORD)
    world.users.remove("bob")
    told = set()
    for name, password in (("ann", "x"), ("ann", PASSWORD + "x"), ("eve", PASSWORD), ("bob", "")):
        refused = world.ask("POST", "/login", body=form(name=name, password=password))
        assert refused.status == 401
        assert "set-cookie" not in refused.headers
        assert PASSWORD.encode() not in refused.body
        told.add(refused.body.replace(f'value="{name}"'.encode(), b""))
    assert len(told) == 1


def test_passwords_are_compared_in_constant_time_and_also_for_nobody(
    world: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    compared = []
    real: Callable[[str, str], bool] = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    for name in ("ann", "eve"):
        world.ask("POST", "/login", body=form(name=name, password="x"))
    assert compared == [(128, 128)] * 2


@pytest.mark.parametrize("name", ["ann", "eve"])
def test_passwords_of_a_name_cannot_be_tried_without_end(world: Guarded, name: str) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    world.users.add("bob", "viewer", PASSWORD)
    tries = [world.ask("POST", "/login", body=form(name=name, password="x")) for _ in range(20)]
    assert [reply.status for reply in tries] == [401] * 5 + [429] * 15, "the same for nobody"
    assert int(tries[-1].headers["retry-after"]) >= 1
    right = form(name="ann", password=PASSWORD)
    assert world.ask("POST", "/login", body=right).status == (429 if name == "ann" else 303)
    assert world.ask("POST", "/login", body=form(name="bob", password=PASSWORD)).status == 303
    world.clock.advance(60)
    assert world.ask("POST", "/login", body=right).status == 303


@pytest.mark.parametrize(
    ("first", "others"),
    [("192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"]), ("2001:db8::7", ["2001:db8::1:8"])],
)
def test_passwords_of_many_names_cannot_be_tried_without_end(
    world: Guarded, first: str, others: list[str]
) -> None:
    def status(name: str, address: str, password: str = "x") -> int:
        body = form(name=name, password=password)
        return world.ask("POST", "/login", body=body, address=address).status

    world.users.add("ann", "viewer", PASSWORD)
    assert [status(f"n{n}", first) for n in range(20)] == [401] * 20
    tried = [status(f"m{n}", address) for n in range(10) for address in (first, *others)]
    assert set(tried) == {429}
    for elsewhere in ("192.0.2.8", "2001:db8:0:1::7", ""):
        assert status("ann", elsewhere, PASSWORD) == 303, "nobody else is locked out"
    _, secret = world.keys.create("key", ["view"])
    assert world.ask("POST", "/login", body=form(key=secret)).status == 303, "a key is no guess"


def test_a_link_signs_in_once(world: Guarded) -> None:
    token = world.entries.make("ann")
    entered = world.ask("GET", f"/enter/{token}")
    assert entered.status == 200
    assert b'content="0; url=/"' in entered.body
    assert entered.headers["cache-control"] == "no-store"
    session = cookie_of(entered)
    assert world.tried("GET", "/v1/models", session) == 200
    word = world.csrf(session)
    assert world.tried("POST", "/v1/simulations", session, word) == 200, "it is for everything"
    again = world.ask("GET", f"/enter/{token}")
    assert (again.status, "set-cookie" in again.headers) == (401, False)
    assert b"fairlead link" in again.body
    assert [(e.actor, e.action) for e in world.store.events(subject="user/")] == [
        ("ann", "sign_in")
    ]


def test_a_link_leads_on_also_when_it_was_used_by_who_is_signed_in(world: Guarded) -> None:
    path = f"/enter/{world.entries.make('ann')}?then=/try/churn"
    entered = world.ask("GET", path)
    assert b'content="0; url=/try/churn"' in entered.body
    far = world.ask("GET", path, ("sec-fetch-site", "cross-site"))
    assert (far.status, b'content="0"' in far.body) == (200, True)
    again = world.ask("GET", path, cookie_of(entered))
    assert (again.status, b'content="0; url=/try/churn"' in again.body) == (200, True)
    assert "set-cookie" not in again.headers
    assert world.ask("GET", path).status == 401
    evil = world.ask("GET", f"/enter/{world.entries.make('ann')}?then=//evil.example")
    assert b'content="0; url=/"' in evil.body


def test_a_link_that_nobody_used_ends_and_is_swept(world: Guarded) -> None:
    token = world.entries.make("ann")
    world.clock.advance(LINK_LIFE_S)
    assert world.ask("GET", f"/enter/{token}").status == 401
    world.entries.make("ann")
    world.clock.advance(LINK_LIFE_S)
    world.entries.make("ann")
    assert len(world.store.scan(ENTRIES)) == 1


@pytest.mark.parametrize("token", ["x", "", "%2e%2e", "a" * 5000, "\u00e9"])
def test_a_made_up_link_signs_nobody_in(world: Guarded, token: str) -> None:
    refused = world.ask("GET", f"/enter/{token}")
    assert refused.status in (401, 404)
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "then", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)",
             "\r\nset-cookie: a=b", "/\t/evil.example", "", "evil", "///evil", "/\u2028"],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(world: Guarded, then: str) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    sent = world.ask("POST", "/login", body=form(name="ann", password=PASSWORD, then=then))
    assert (sent.status, sent.headers["location"]) == (303, "/")
    page = world.ask("GET", f"/login?then={quote(then)}")
    assert b'name="then" value="/"' in page.body


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_is_shown_as_text(world: Guarded, text: str) -> None:
    for body in (form(name=text, password="x"), form(key=text), form(key="x", then=f"/{text}")):
        page = world.ask("POST", "/login", body=body).body.decode()
        assert text not in page or text.isalnum() or "<" not in text
        for mark in ("<img", "<script>", "<svg", "' onfocus", "49"):
            assert mark not in page
    page = world.ask("GET", f"/login?then=/{quote(text)}").body.decode()
    assert "<img" not in page
    assert "<script>" not in page


def test_signing_out_takes_the_session_from_the_browser(world: Guarded) -> None:
    left = world.ask("POST", "/logout", world.user("ann", "viewer"))
    assert (left.status, left.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in left.headers["set-cookie"]


def by_link(world: Guarded, name: str) -> Headers:
    return cookie_of(world.ask("GET", f"/enter/{world.entries.make(name)}"))


def test_to_leave_a_session_by_a_link_ends_all_that_links_began(world: Guarded) -> None:
    left, other = by_link(world, "ann"), by_link(world, "bob")
    user, unused = world.user("eve", "viewer"), world.entries.make("ann")
    assert world.ask("POST", "/logout", left).status == 303
    for session in (left, other):
        assert world.tried("GET", "/v1/models", session) == 401
    assert world.tried("GET", "/v1/models", user) == 200, "a name signs in by itself"
    later = cookie_of(world.ask("GET", f"/enter/{unused}"))
    for session in (left, other, user):  # what is over, and what no link began, ends nothing
        world.ask("POST", "/logout", session)
    assert world.tried("GET", "/v1/models", later) == 200
    ended = [e.actor for e in world.store.events(subject="user/") if e.action == "end_sessions"]
    assert ended == ["ann"]


def test_who_can_read_the_home_ends_the_sessions_that_links_began(tmp_path: Path) -> None:
    with control_of(tmp_path / "home", keys=True) as control:
        entries = control.workspace.entry_book
        cookies = control.porter.by_link(entries.make("ann")).encode()
        assert control.porter.caller({b"cookie": cookies}).actor == "ann"
        told = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "link", "--end-sessions"])
        assert told.stdout == "All sessions that links began are over.\n"
        with pytest.raises(UnauthorizedError, match="over"):
            control.porter.caller({b"cookie": cookies})


COOKIE = Sessions("c", b"k" * 32, secure=False)


@given(st.text(max_size=80))
def test_no_made_up_cookie_is_a_session(text: str) -> None:
    raw = text.encode()
    assert COOKIE.read(b"c=" + raw, 0) is None
    assert COOKIE.read(raw, 0) is None


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_session_that_was_changed_is_none(place: int, other: str) -> None:
    value = COOKIE.open("user:ann", "s", 0).partition(";")[0]
    found = COOKIE.read(value.encode(), 0)
    assert found is not None
    assert (found[0].subject, found[0].stamp) == ("user:ann", "s")
    place = min(max(place, 2), len(value) - 1)
    changed = value[:place] + other + value[place + 1 :]
    if changed != value and not (place == len(value) - 1 and other in " ;"):
        assert COOKIE.read(changed.encode(), 0) is None


def test_sessions_of_another_secret_another_name_or_the_future_are_none() -> None:
    value = COOKIE.open("user:ann", "s", 9_000_000).partition(";")[0].encode()
    assert COOKIE.read(b"other=1; " + value + b"; more=2", 9_000_000) is not None
    assert Sessions("c", b"x" * 32, secure=False).read(value, 9_000_000) is None
    assert Sessions("d", b"k" * 32, secure=False).read(value, 9_000_000) is None
    assert COOKIE.read(value, 0) is None
    session = COOKIE.read(value, 9_000_000)
    assert session is not None
    word = session[1]
    forged = value.rpartition(b".")[0] + b"." + word.encode()
    assert COOKIE.read(forged, 9_000_000) is None, "the word is no signature"


def test_no_secret_is_kept(world: Guarded) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    token = world.entries.make("ann")
    kept = repr(vars(world.store))
    assert PASSWORD not in kept
    assert token not in kept
    one, other = (world.users.add(name, "viewer", PASSWORD) for name in ("bob", "eve"))
    assert one.password.digest != other.password.digest, "each has a salt of its own"
