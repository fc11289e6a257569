"""The guard of the control plane: pure ASGI, without a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead.access import SCOPES, Scope
from fairlead.access.decide import LADDER, grants
from fairlead.access.session import LIFE_S
from fairlead.access.types import ROLES
from fairlead.api.rules import RULES, rule_of
from support.guarded import PAGE, PASSWORD, Guarded, Headers, cookie_of, filled

CHANGES = [way for way, rule in RULES.items() if rule != "open" and way[0] != "GET"]
SHOWS = [way for way, rule in RULES.items() if rule != "open" and way[0] == "GET"]


@pytest.fixture
def world() -> Guarded:
    return Guarded()


@pytest.fixture
def free() -> Guarded:
    """Where no keys are asked for."""
    return Guarded(keys=False)


def test_every_route_stands_in_the_table_and_every_line_has_a_route(world: Guarded) -> None:
    ways = [way for way in world.ways() if way[0] != "HEAD"]
    assert sorted(set(ways) - set(RULES)) == [], "add a line to api/rules.py"
    assert sorted(set(RULES) - set(ways)) == [], "no route is there any more"
    assert len(ways) == len(set(ways)) > 30


def test_a_route_without_a_line_is_shut_for_everybody(
    world: Guarded, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    admin = world.key("root", *SCOPES)
    assert world.tried("GET", "/v1/models", admin) == 200
    monkeypatch.delitem(RULES, ("GET", "/v1/models"))
    assert world.tried("GET", "/v1/models", admin) == 403
    assert "GET /v1/models stands in no line" in capfd.readouterr().err


def test_what_is_open_changes_nothing_but_who_is_signed_in() -> None:
    opened = {way for way, rule in RULES.items() if rule == "open" and way[0] != "GET"}
    assert opened == {
        ("POST", "/login"),
        ("POST", "/logout"),
        ("POST", "/shared/{token}/predict"),
    }


def test_what_changes_something_needs_more_than_to_look() -> None:
    reckoned = {
        ("POST", "/v1/endpoints/{endpoint}/releases/plan")
    }  # takes a body, and is only worked out
    own = {("PUT", "/v1/password"), ("POST", "/settings/password")}
    changes = set(CHANGES) - reckoned - own
    assert {RULES[way] for way in changes} <= {"review", "operate", "admin"}


def test_every_role_and_scope_gets_what_the_table_says(world: Guarded) -> None:
    callers: dict[str, tuple[list[Headers], tuple[Scope, ...]]] = {"nobody": ([], ())}
    for role, scopes in ROLES.items():
        session = world.user(role, role)
        callers[role] = ([session, world.csrf(session)], scopes)
    for scope in SCOPES:
        callers[f"key {scope}"] = ([world.key(f"k-{scope}", scope)], (scope,))
    tried = 0
    for method, template in world.ways():
        rule = rule_of(method, template)
        assert rule is not None
        for name, (headers, scopes) in callers.items():
            path = filled(template)
            if rule == "open":
                wanted = 200
            elif name == "nobody":
                wanted = 401
            else:
                wanted = 200 if grants(scopes, rule) else 403
            assert world.tried(method, path, *headers) == wanted, (name, method, template)
            tried += 1
    assert tried == len(world.ways()) * (1 + len(ROLES) + len(SCOPES))


@pytest.mark.parametrize(("method", "template"), CHANGES)
def test_a_change_by_a_session_needs_its_word(world: Guarded, method: str, template: str) -> None:
    session, other = world.user("ann", "admin"), world.user("bob", "admin")
    path, word = filled(template), world.csrf(session)
    assert world.tried(method, path, session) == 403
    assert world.tried(method, path, session, ("x-csrf-token", "")) == 403
    assert world.tried(method, path, session, ("x-csrf-token", "\xff")) == 403
    assert world.tried(method, path, session, world.csrf(other)) == 403, "of another session"
    assert world.tried(method, path, session, body=b"csrf=x") == 403
    assert world.tried(method, path, session, body=f"csrf={word[1]}".encode()) == 200
    assert world.tried(method, f"{path}?csrf={word[1]}", session) == 403
    assert world.tried(method, path, session, word) == 200
    json = ("content-type", "application/json")
    assert world.tried(method, path, session, json, body=f'{{"csrf":"{word[1]}"}}'.encode()) == 403


def test_a_form_that_was_read_for_the_word_is_there_whole(world: Guarded) -> None:
    session = world.user("ann", "admin")
    got: list[bytes] = []

    async def app(scope: object, receive: object, send: object) -> None:
        message = await receive()  # type: ignore[operator]
        got.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    world.alone._app = app
    body = f"csrf={world.csrf(session)[1]}&reason=a".encode()
    assert world.tried("POST", "/v1/simulations", session, body=body) == 200
    assert got == [body]


@pytest.mark.parametrize("path", ["/v1/simulations", "/login", "/logout", "/v1/models", "/"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_pages_of_other_sites_send_nothing(world: Guarded, path: str, origin: str) -> None:
    session = world.user("ann", "admin")
    sent = (session, world.csrf(session), ("origin", origin))
    assert world.tried("POST", path, *sent) == 403
    assert world.tried("GET", path, *sent) == 403


def test_a_key_that_is_shown_counts_and_needs_no_word(world: Guarded) -> None:
    session = world.user("ann", "admin")
    assert world.tried("POST", "/v1/simulations", session, world.key("view", "view")) == 403
    assert world.tried("POST", "/v1/simulations", session, world.key("ops", "operate")) == 200
    wrong = ("authorization", "Bearer fl_x_y")
    assert world.tried("GET", "/v1/models", session, wrong) == 401


def test_a_session_ends_with_its_day_its_key_and_what_its_user_may(world: Guarded) -> None:
    _, secret = world.keys.create("key", ["view"])
    session = world.cookie(key=secret)
    world.clock.advance(LIFE_S - 1)
    assert world.tried("GET", "/v1/models", session) == 200
    world.clock.advance(1)
    assert world.tried("GET", "/v1/models", session) == 401
    session = world.cookie(key=secret)
    world.keys.revoke("key")
    assert world.tried("GET", "/v1/models", session) == 401
    changes: tuple[Callable[[], object], ...] = (
        lambda: world.users.set_role("ann", "admin"),
        lambda: world.users.set_password("ann", PASSWORD),
        lambda: world.users.remove("ann"),
    )
    for change in changes:
        if world.users.get("ann") is None:
            world.users.add("ann", "viewer", PASSWORD)
        session = world.cookie(name="ann", password=PASSWORD)
        assert world.tried("GET", "/v1/models", session) == 200
        change()
        assert world.tried("GET", "/v1/models", session) == 401
    world.users.add("ann", "viewer", PASSWORD)
    assert world.tried("GET", "/v1/models", session) == 401, "a namesake is another"


def test_each_sign_in_begins_another_session(world: Guarded) -> None:
    first = world.user("ann", "viewer")
    again = world.ask(
        "POST", "/login", first, body=f"name=ann&password={PASSWORD}".replace(" ", "+").encode()
    )
    assert again.status == 303
    assert cookie_of(again) != first, "what was there before is not kept"
    assert world.csrf(cookie_of(again)) != world.csrf(first)
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in again.headers["set-cookie"]


def test_over_tls_the_cookie_is_for_tls_and_this_host_alone() -> None:
    world = Guarded(secure=True)
    name, cookie = world.user("ann", "viewer")
    assert cookie.startswith("__Host-fairlead_1=")
    assert "Secure" in world.sessions.open("user:ann", "", 0)
    assert world.tried("GET", "/v1/models", (name, cookie)) == 200
    assert world.tried("GET", "/v1/models", (name, cookie.removeprefix("__Host-"))) == 401


def test_a_program_on_a_machine_without_keys_needs_nothing(free: Guarded) -> None:
    for method, template in [*CHANGES, *SHOWS]:
        assert free.tried(method, filled(template)) == 200


@pytest.mark.parametrize(
    "header", [PAGE, ("cookie", "other=1"), ("origin", "http://localhost:8081"),
               ("sec-fetch-site", "none")],
)  # fmt: skip
def test_a_browser_needs_a_session_also_where_no_keys_are_asked_for(
    free: Guarded, header: Headers
) -> None:
    for method, template in [*CHANGES, *SHOWS]:
        assert free.tried(method, filled(template), header) in (401, 303)
    session = free.user("ann", "viewer")
    if header[0] == "cookie":
        session, header = (session[0], f"{header[1]}; {session[1]}"), PAGE
    assert free.tried("GET", "/v1/models", session, header) == 200
    word = ("x-csrf-token", "x")
    assert free.tried("POST", "/v1/simulations", session, word, header) == 403


def test_only_people_are_sent_to_the_page_to_sign_in(world: Guarded) -> None:
    sent = world.ask("GET", "/try/a b?x=1&y", PAGE)
    assert (sent.status, sent.headers["location"]) == (303, "/login?then=/try/a%2520b%3Fx%3D1%26y")
    assert world.ask("GET", "/try/a", ("accept", "application/json")).status == 401
    assert world.ask("POST", "/v1/endpoints/a/releases", PAGE).status == 401


def test_who_comes_from_another_site_is_asked_to_come_once_more(world: Guarded) -> None:
    far = ("sec-fetch-site", "cross-site")
    asked = world.ask("GET", "/try/a", PAGE, far)
    assert (asked.status, b'http-equiv="refresh"' in asked.body) == (200, True)
    assert b"/try" not in asked.body
    assert world.ask("GET", "/try/a", PAGE, ("sec-fetch-site", "same-origin")).status == 303


def test_what_is_nowhere_is_told_to_who_is_let_in_alone(world: Guarded) -> None:
    assert world.ask("GET", "/nowhere").status == 401
    assert world.ask("GET", "/nowhere", world.key("a", "predict")).status == 404
    assert world.ask("DELETE", "/v1/models", world.key("b", "view")).status == 405


def test_every_answer_says_that_no_page_may_frame_it(world: Guarded) -> None:
    session = world.user("ann", "viewer")
    for way, sent in (
        ("/login", ()), ("/v1/models", ()), ("/try/a", (PAGE,)), ("/docs", (session,)),
        ("/nowhere", (session,)), ("/static/console.css", ()), ("/enter/x", ()),
        ("/login", (("origin", "https://evil.example"),)),
        ("/docs", (PAGE, ("sec-fetch-site", "cross-site"))),
    ):  # fmt: skip
        headers = world.ask("GET", way, *sent).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], way
        assert "script" not in headers["content-security-policy"].replace("object-src", "")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"


def test_no_answer_of_any_route_may_be_framed_or_guessed_at(world: Guarded) -> None:
    admin = world.key("root", *SCOPES)
    for method, template in world.ways():
        for sent in ((), (admin,)):
            answer = world.ask(method, filled(template), *sent, app=world.alone)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_ladder_of_scopes_is_that_of_the_roles() -> None:
    for role, top in zip(ROLES, LADDER, strict=True):
        for scope in LADDER:
            assert grants(ROLES[role], scope) == (LADDER.index(scope) <= LADDER.index(top))
