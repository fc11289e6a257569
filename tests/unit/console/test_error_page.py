"""What goes wrong is a page for a person and JSON for a program, with the same status."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.control import Control
from support.guarded import HOST, PAGE, ask
from support.html import Page
from support.people import Person, console_of


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    with console_of(tmp_path_factory.mktemp("errors") / ".fairlead") as (control, _):
        yield control


@pytest.fixture(scope="module")
def viewer(control: Control) -> Person:
    return Person(control, "vera", "viewer")


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/endpoints/nope", 404, "Nothing here"),
        ("/jobs/a/b", 404, "Nothing here"),
        ("/no/such/page", 404, "Nothing here"),
        ("/alerts/x?<script>", 404, "Nothing here"),
        ("/review/nope", 403, "You may not do this"),
        ("/audit", 403, "You may not do this"),
        ("/models/m/compare?left=x", 422, "That does not work"),
    ],
)
def test_a_person_gets_a_page_and_a_program_json(
    control: Control, viewer: Person, path: str, status: int, title: str
) -> None:
    reply = ask(control.app, "GET", path, HOST, PAGE, viewer.cookie)
    text = reply.body.decode()
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert f"<h1>{title}</h1>" in text
    assert "<nav" in text
    assert not Page(text).inline()
    told = ask(control.app, "GET", path, HOST, viewer.cookie)
    assert (told.status, told.headers["content-type"]) == (status, "application/json")
    assert told.error["message"]


def test_a_form_that_is_refused_says_so_on_a_page(control: Control, viewer: Person) -> None:
    operator = Person(control, "olga", "operator")
    for cookie, said in ((viewer.cookie, "needs"), (operator.cookie, "Load the page again.")):
        reply = ask(control.app, "POST", "/alerts", HOST, PAGE, cookie, body=b"order=silence")
        text = reply.body.decode()
        assert reply.status == 403
        assert "<h1>You may not do this</h1>" in text
        assert said in text


def test_who_is_not_signed_in_sees_no_way_about(control: Control) -> None:
    reply = ask(control.app, "POST", "/alerts", HOST, PAGE, body=b"order=silence")
    text = reply.body.decode()
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert "<h1>Sign in first</h1>" in text
    assert "<nav" not in text
