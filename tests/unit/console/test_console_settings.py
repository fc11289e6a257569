"""The pages of who may do what, and of who did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.store import Event
from support.control import Control
from support.guarded import HOST, PASSWORD, ask, cookie_of
from support.people import Person, console_of
from support.receivers import HttpReceiver

HOSTILE = ("<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "\u202egnp", "x" * 100)


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with console_of(tmp_path / ".fairlead") as (control, _):
        yield control


@pytest.fixture
def admin(control: Control) -> Person:
    return Person(control, "root", "admin")


def test_an_admin_adds_a_user_changes_them_and_lets_them_go(
    control: Control, admin: Person
) -> None:
    added = admin.post("/settings/users", name="ann", role="viewer", password=PASSWORD)
    assert (added.status, added.headers["location"]) == (303, "/settings#users")
    assert b"ann" in admin.get("/settings").body
    users = control.workspace.user_book
    assert admin.post("/settings/users/ann/role", role="operator").status == 303
    assert users.get("ann").role == "operator"  # type: ignore[union-attr]
    assert admin.post("/settings/users/ann/password", password="y" * 12).status == 303
    assert users.signed_in("ann", "y" * 12).name == "ann"
    assert admin.post("/settings/users/ann/remove").status == 303
    assert users.get("ann") is None
    said = re.sub(r"<[^>]+>", "", admin.get("/audit?actor=root").body.decode())
    for words in ("added ann as viewer", "made ann operator", "another password", "removed ann"):
        assert words in said


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "ann", "role": "viewer", "password": "short"}, "12 to 200"),
        ({"name": "Ann!", "role": "viewer", "password": PASSWORD}, "cannot be called"),
        ({"name": "ann", "role": "god", "password": PASSWORD}, "no such role"),
        ({"name": "root", "role": "viewer", "password": PASSWORD}, "already"),
        ({"name": "local", "role": "admin", "password": PASSWORD}, "meaning of its own"),
        ({}, "cannot be called"),
    ],
)
def test_what_is_wrong_with_a_user_is_told_on_the_page(
    admin: Person, fields: dict[str, str], told: str
) -> None:
    refused = admin.post("/settings/users", **fields)
    assert refused.status in (400, 409)
    assert told in refused.body.decode()
    assert PASSWORD.encode() not in refused.body


def test_the_secret_of_a_key_is_shown_once_and_opens_what_it_is_for(
    control: Control, admin: Person
) -> None:
    made = admin.post("/settings/keys", name="shop", **{"scope-view": "on"}, rate="5", days="2")
    found = re.search(rb"fl_[0-9a-f]{12}_[0-9a-f]{64}", made.body)
    assert found is not None
    secret = found[0].decode()
    assert secret not in admin.get("/settings").body.decode()
    shown = ("x-api-key", secret)
    assert ask(control.app, "GET", "/v1/models", HOST, shown).status == 200
    assert ask(control.app, "GET", "/v1/keys", HOST, shown).status == 403
    (key,) = control.workspace.key_book.all_keys()
    assert (key.rate, key.scopes) == (5.0, ("view",))
    assert admin.post(f"/settings/keys/{key.id}/revoke").status == 303
    assert ask(control.app, "GET", "/v1/models", HOST, shown).status == 401
    for wrong in ({"rate": "x"}, {"rate": "nan"}, {"days": "-1"}, {"scope-view": ""}):
        refused = admin.post("/settings/keys", **{"name": "b", "scope-view": "on", **wrong})
        assert refused.status == 400


def test_who_may_less_sees_less(control: Control, admin: Person) -> None:
    admin.post("/settings/keys", name="shop", **{"scope-view": "on"})
    operator = Person(control, "olga", "operator")
    page = operator.get("/settings").body.decode()
    assert "shop" in page
    assert 'action="/settings/keys' not in page
    assert 'action="/settings/users' not in page
    for role in ("viewer", "reviewer"):
        person = Person(control, role, role)
        assert person.get("/audit").status == 403
        assert b'href="/audit"' not in person.get("/docs").body
        page = person.get("/settings").body.decode()
        assert re.findall(r'action="(.*?)"', page) == ["/logout", "/settings/password"]
        assert not re.search(r"shop|olga|root", page), "of others nothing is told"


def test_a_person_changes_their_own_password(control: Control, admin: Person) -> None:
    ann = Person(control, "ann", "viewer")
    new = {"old": PASSWORD, "new": "n" * 12, "again": "n" * 12}
    for wrong, status, told in (
        ({"again": "m" * 12}, 400, "not the same twice"),
        ({"new": "short", "again": "short"}, 400, "12 to 200"),
        ({"old": "x"}, 403, "old password is not right"),
    ):
        refused = ann.post("/settings/password", **new | wrong)
        assert (refused.status, "set-cookie" in refused.headers) == (status, False)
        assert told in refused.body.decode()
        assert b"nnnnnnnnnnnn" not in refused.body
    done = ann.post("/settings/password", **new)
    assert (done.status, done.headers["location"]) == (303, "/settings#password")
    assert ann.get("/settings").status == 401, "the session of before is over"
    page = ask(control.app, "GET", "/settings", HOST, cookie_of(done))
    assert (page.status, b"changed last" in page.body) == (200, True)
    assert admin.get("/settings").status == 200, "of nobody else"
    (event,) = control.workspace.store.recent(subject="user/ann", limit=1)
    assert (event.actor, event.action) == ("ann", "change_password")


def test_who_signed_in_without_a_password_has_none_to_change(control: Control) -> None:
    token = control.workspace.entry_book.make("ann")
    session = cookie_of(ask(control.app, "GET", f"/enter/{token}", HOST))
    page = ask(control.app, "GET", "/settings", HOST, session).body.decode()
    assert "You did not sign in with one." in page
    assert 'action="/settings/password"' not in page


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_shown_as_text(control: Control, admin: Person, text: str) -> None:
    made = admin.post("/settings/keys", name=text, **{"scope-view": "on"})
    event = Event(
        time_us=1, actor=text, action=text, subject=text, detail={"reason": text, text: text}
    )
    control.workspace.store.commit(events=[event])
    pages = [
        made, admin.get("/settings"), admin.get("/audit"),
        admin.get(f"/audit?actor={text}"), admin.get(f"/audit?subject={text}"),
        admin.post("/settings/users", name=text, role=text, password="x"),
    ]  # fmt: skip
    for page in pages:
        assert page.status in (200, 400)
        assert b"<img src=x" not in page.body
        assert b"<script>" not in page.body


def test_the_audit_is_read_from_its_end_and_narrowed(control: Control, admin: Person) -> None:
    store = control.workspace.store
    for number in range(120):
        actor = "ann" if number % 3 else "bob"
        store.commit(events=[Event(time_us=number, actor=actor, action=f"did {number}",
                                   subject=f"release/churn/{number}")])  # fmt: skip
    first = admin.get("/audit").body.decode()
    assert "did 119: churn/119" in first
    assert "did 60" not in first
    older = re.search(r'href="(/audit\?before=[^"]+)">Older', first)
    assert older is not None
    assert "did 60" in admin.get(older[1].replace("&amp;", "&")).body.decode()
    bobs = admin.get("/audit?actor=bob&subject=release/").body.decode()
    assert "did 117" in bobs
    assert "did 119" not in bobs
    assert "Nothing found" in admin.get("/audit?actor=nobody").body.decode()
    told = admin.get("/v1/audit?actor=bob&limit=2").json
    assert [event["action"] for event in told["events"]] == ["did 117", "did 114"]
    rest = admin.get(f"/v1/audit?actor=bob&limit=500&before={told['before']}").json
    assert rest["before"] == 0
    assert len(rest["events"]) == 38
    assert admin.get("/v1/audit?before=-1").status == 422


def test_a_channel_is_tried_by_a_button_and_over_rest(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        (tmp_path / "fairlead.toml").write_text(
            '[alerts.channel.ops]\nkind = "webhook"\nallow_private = true\n'
            f'url = "{receiver.url}"\n'
            '[alerts.channel.dead]\nkind = "webhook"\nallow_private = true\n'
            'url = "http://127.0.0.1:1/"\n'
        )
        with console_of(tmp_path / ".fairlead") as (control, _):
            admin = Person(control, "olga", "operator")
            assert b"Send a test" in admin.get("/settings").body
            assert b"took the test" in admin.post("/settings/channels/ops/test").body
            refused = admin.post("/settings/channels/dead/test")
            assert (refused.status, b"did not deliver" in refused.body) == (503, True)
            assert admin.post("/settings/channels/none/test").status == 404
            assert admin.get("/v1/channels").json["channels"][1] == {
                "name": "ops", "kind": "webhook",
            }  # fmt: skip
            assert admin.post("/v1/channels/ops/test").json["notification"]
            assert len(receiver.received) == 2
            assert [e.action for e in control.workspace.store.events(subject="channel/")] == [
                "test_channel"
            ] * 2


def test_rest_does_what_the_page_does(control: Control) -> None:
    _, secret = control.workspace.key_book.create("root", ["admin"])
    made = control.ask("/v1/users", {"name": "ann", "role": "viewer", "password": PASSWORD}, secret)
    assert (made.status, made.json["name"], set(made.json) & {"password", "stamp"}) == (
        201, "ann", set(),
    )  # fmt: skip
    role = control.ask("/v1/users/ann/role", {"role": "admin"}, secret, "PUT")
    assert role.json["role"] == "admin"
    other = control.ask("/v1/users/ann/password", {"password": "z" * 12}, secret, "PUT")
    assert other.status == 200
    assert [u["name"] for u in control.ask("/v1/users", secret=secret).json["users"]] == ["ann"]
    assert control.ask("/v1/users/ann", None, secret, "DELETE").status == 200
    assert control.ask("/v1/users/ann", None, secret, "DELETE").status == 404
    key = control.ask("/v1/keys", {"name": "shop", "scopes": ["predict"]}, secret)
    assert (key.status, "digest" in key.json) == (201, False)
    assert key.json["secret"].startswith(f"fl_{key.json['id']}_")
    listed = control.ask("/v1/keys", secret=secret)
    assert {k["name"] for k in listed.json["keys"]} == {"root", "shop"}
    assert key.json["secret"].encode() not in listed.body
    gone = control.ask(f"/v1/keys/{key.json['id']}", None, secret, "DELETE")
    assert gone.json["revoked_us"] is not None
    assert control.ask("/v1/keys", {"name": "b", "scopes": ["god"]}, secret).status == 422
    assert {e.actor for e in control.workspace.store.events(subject="user/")} == {"root"}
