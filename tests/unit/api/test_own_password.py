"""People change their own password, and nobody else's."""

from __future__ import annotations

import json

import pytest

from support.guarded import PASSWORD, Guarded, Headers, cookie_of
from support.reply import Reply

NEW = "another horse battery"
JSON = ("content-type", "application/json")


@pytest.fixture
def world() -> Guarded:
    return Guarded()


def change(world: Guarded, *headers: Headers, **fields: str) -> Reply:
    body = json.dumps({"old": PASSWORD, "new": NEW, **fields}).encode()
    return world.ask("PUT", "/v1/password", JSON, *headers, body=body)


def signs_in(world: Guarded, password: str, name: str = "ann") -> int:
    form = f"name={name}&password={password.replace(' ', '+')}".encode()
    return world.ask("POST", "/login", body=form).status


def actions(world: Guarded) -> list[tuple[str, str, str]]:
    found = world.store.events(subject="user/")
    return [(e.actor, e.action, e.subject) for e in found if e.action != "add_user"]


def test_the_session_goes_on_and_all_others_of_the_person_end(world: Guarded) -> None:
    here, bob = world.user("ann", "viewer"), world.user("bob", "viewer")
    elsewhere = world.cookie(name="ann", password=PASSWORD)
    word = world.csrf(here)
    done = change(world, here, word)
    assert (done.status, done.json) == (200, {"name": "ann"})
    after = cookie_of(done)
    for over in (here, elsewhere):
        assert world.tried("GET", "/v1/models", over) == 401
    for good in (after, bob):
        assert world.tried("GET", "/v1/models", good) == 200
    assert change(world, after, word, old=NEW).status == 403, "the word is of the session before"
    assert [signs_in(world, PASSWORD), signs_in(world, NEW)] == [401, 303]
    assert signs_in(world, PASSWORD, "bob") == 303
    assert actions(world) == [("ann", "change_password", "user/ann")]


def test_a_session_that_somebody_found_does_not_tell_the_password(world: Guarded) -> None:
    found = world.user("ann", "viewer")
    word = world.csrf(found)
    world.clock.advance(60)
    tries = [change(world, found, word, old=f"guess {n}") for n in range(8)]
    assert [reply.status for reply in tries] == [403] * 5 + [429] * 3
    assert int(tries[-1].headers["retry-after"]) >= 1
    assert not any("set-cookie" in reply.headers for reply in tries)
    assert [change(world, found, word).status, signs_in(world, PASSWORD)] == [429, 429]
    world.clock.advance(60)
    assert [change(world, found, word).status, actions(world)[0][1]] == [200, "change_password"]


def test_tries_at_signing_in_count_as_well(world: Guarded) -> None:
    session = world.user("ann", "viewer")
    while signs_in(world, "x") != 429:
        pass
    assert change(world, session, world.csrf(session)).status == 429


@pytest.mark.parametrize("new", ["", "short", "x" * 11])
def test_a_password_that_cannot_be_used_is_refused(world: Guarded, new: str) -> None:
    session = world.user("ann", "viewer")
    refused = change(world, session, world.csrf(session), new=new)
    assert (refused.status, refused.error["code"]) == (400, "invalid_config")
    assert world.tried("GET", "/v1/models", session) == 200
    assert [signs_in(world, PASSWORD), actions(world)] == [303, []]


def test_nothing_else_is_taken(world: Guarded) -> None:
    world.users.add("bob", "admin", PASSWORD)
    session = world.user("ann", "viewer")
    assert change(world, session, world.csrf(session), name="bob").status == 422
    assert change(world, session, world.csrf(session), new="x" * 201).status == 422
    assert change(world, session).status == 403, "without the word of the session"
    assert change(world).status == 401
    assert actions(world) == []


def test_who_has_no_password_of_their_own_changes_none(world: Guarded) -> None:
    world.users.add("ann", "viewer", PASSWORD)
    key = world.key("root", "admin")
    link = cookie_of(world.ask("GET", f"/enter/{world.entries.make('ann')}"))
    by_key = world.cookie(key=key[1])
    for headers in ((key,), (link, world.csrf(link)), (by_key, world.csrf(by_key))):
        refused = change(world, *headers)
        assert (refused.status, "set-cookie" in refused.headers) == (403, False)
    free = Guarded(keys=False)
    assert change(free).status == 403, "nor has a program"
    assert signs_in(world, PASSWORD) == 303
