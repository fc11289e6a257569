"""Published pages: one endpoint is tried, and nothing else is reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.clock import ManualClock
from fairlead.routing import ROUTES
from fairlead.signature import Field, Signature
from fairlead.store import Delete, Put
from support.control import Control
from support.guarded import HOST, ask
from support.html import Page
from support.people import Person, console_of
from support.receivers import HttpReceiver
from support.routes import SIGNATURE, route, version

JSON = ("content-type", "application/json")
ROWS = b'{"rows":[{"x":1.50}]}'


@pytest.fixture
def upstream() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def world(tmp_path: Path, upstream: HttpReceiver) -> Iterator[tuple[Control, ManualClock]]:
    api = upstream.url.removesuffix("/hook")
    with console_of(tmp_path / ".fairlead", api) as (control, clock):
        for name in ("churn", "secret-plans"):
            control.workspace.store.commit(Put(ROUTES, ROUTES.key(name), route(name, 1), None))
        yield control, clock


@pytest.fixture
def control(world: tuple[Control, ManualClock]) -> Control:
    return world[0]


@pytest.fixture
def clock(world: tuple[Control, ManualClock]) -> ManualClock:
    return world[1]


@pytest.fixture
def operator(control: Control) -> Person:
    return Person(control, "olga", "operator")


def publish(operator: Person, **fields: str) -> str:
    made = operator.post("/try/churn/links", name="fair", **fields)
    assert made.status == 200, made.body
    found = re.search(rb'href="(/shared/fl_[0-9a-f]{12}_[0-9a-f]{64})"', made.body)
    assert found is not None
    return found[1].decode()


def test_who_has_the_link_sees_the_page_and_nothing_else(
    control: Control, operator: Person
) -> None:
    path = publish(operator)
    page = ask(control.app, "GET", path, HOST)
    assert page.status == 200
    text = page.body.decode()
    assert "http://" not in text.replace("http://www.w3.org", ""), "it names no address of ours"
    assert f"{path}/predict" in text.replace("&#34;", '"')
    for inner in ("<nav", 'name="csrf"', 'id="feedback"', "curl", "Publish", "/settings"):
        assert inner not in text, inner
    assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers


def test_rows_are_asked_with_our_key_and_logged_with_the_name_of_the_link(
    control: Control, operator: Person, upstream: HttpReceiver
) -> None:
    path = f"{publish(operator)}/predict?arm=other"
    assert ask(control.app, "POST", path, HOST, JSON, body=ROWS).status == 200
    (sent,) = upstream.received
    assert sent.path == "/v1/endpoints/churn/predict?"
    assert sent.body == b'{"rows":[{"x":1.50}],"unit":"link:fair"}', "numbers stay as they came"
    assert sent.headers.get("Authorization", sent.headers.get("authorization", "")).startswith(
        "Bearer fl_"
    )


def test_it_starts_with_no_row_that_anybody_sent(control: Control, operator: Person) -> None:
    inputs = (
        Field(name="age", kind="integer", low=18, high=91),
        Field(name="height", kind="number", low=1.40001, high=2.10002),
        Field(name="plan", kind="category", categories=("free", "pro")),
        Field(name="note", kind="text"),
    )
    # The version's bundle is not even there to be read.
    made = replace(
        route("churn", 2, version(1, "churn")),
        signature=Signature(inputs=inputs, outputs=SIGNATURE.outputs),
    )
    store = control.workspace.store
    stored = store.get(ROUTES, ROUTES.key("churn"))
    assert stored is not None
    store.commit(Put(ROUTES, ROUTES.key("churn"), made, stored.revision))
    reply = ask(control.app, "GET", publish(operator), HOST)
    assert reply.status == 200
    page = Page(reply.body.decode())
    shown = [a["value"] for a in page.all("input") if a.get("id", "").startswith("field-")]
    assert shown == ["54", "1.75"]
    assert [a["value"] for a in page.all("option") if "selected" in a] == ['"free"']


def test_a_field_that_is_left_out_is_missing_and_not_looked_up(
    control: Control, operator: Person, upstream: HttpReceiver
) -> None:
    body = b'{"rows":[{}]}'
    reply = ask(control.app, "POST", f"{publish(operator)}/predict", HOST, JSON, body=body)
    assert reply.status == 200
    assert [sent.body for sent in upstream.received] == [
        b'{"rows":[{"x":null}],"unit":"link:fair"}'
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"rows":[]}', b'{"rows":[{}],"arm":"candidate"}', b'{"columns":{}}',
     b'{"rows":[{}],"unit":"ann"}', b'{"x":1}', b'{"key":"7"}', b'{"rows":[' + b"1," * 10 + b"1]}",
     b'{"rows":[{"key":"c-7"}]}', b'{"rows":[{"x":1.5,"key":"c-7"}]}', b'{"rows":[[1.5]]}',
     b'{"rows":[{"x":1},{"customer":"7"}]}', b'{"rows":[' + b'{"x":1},' * 10 + b'{"x":1}]}',
     b'{"rows":{"x":1}}', b"\xff", b'{"rows":[{"\xff":1}]}', b'{"rows":[{}],"rows":[{}],"id":"a"}'],
)  # fmt: skip
def test_nothing_but_a_few_rows_is_passed_on(
    control: Control, operator: Person, upstream: HttpReceiver, body: bytes
) -> None:
    refused = ask(control.app, "POST", f"{publish(operator)}/predict", HOST, JSON, body=body)
    assert (refused.status, refused.error["code"]) == (400, "invalid_input")
    assert upstream.received == []


def test_a_link_opens_no_other_door(control: Control, operator: Person) -> None:
    path = publish(operator)
    secret = path.rpartition("/")[2]
    for way in ("/v1/models", "/try/churn", "/", "/settings"):
        assert ask(control.app, "GET", way, HOST, ("x-api-key", secret)).status == 401
    for way in ("feedback", "../secret-plans/predict", "links"):
        assert ask(control.app, "POST", f"{path}/{way}", HOST, JSON, body=ROWS).status in (401, 404)


def test_it_ends_is_taken_back_and_goes_with_its_endpoint(
    control: Control, operator: Person, clock: ManualClock
) -> None:
    path = publish(operator, days="1")
    clock.advance(86_400 - 1)
    assert ask(control.app, "GET", path, HOST).status == 200
    clock.advance(1)
    told = {ask(control.app, "GET", path, HOST).body}
    assert ask(control.app, "POST", f"{path}/predict", HOST, JSON, body=ROWS).status == 404
    operator = Person(control, "olaf", "operator")
    path = publish(operator)
    (link,) = control.workspace.link_book.in_force()
    assert b"fair" in operator.get("/settings").body
    assert operator.post(f"/settings/links/{link.id}/revoke").status == 303
    told.add(ask(control.app, "GET", path, HOST).body)
    assert operator.post(f"/settings/links/{link.id}/revoke").status == 404
    told.add(ask(control.app, "GET", f"{path}0", HOST).body)
    told.add(ask(control.app, "GET", "/shared/x", HOST).body)
    assert len(told) == 1, "why it leads nowhere is nobody's business"
    made = control.ask("/v1/endpoints/churn/links", {"name": "x"}, key(control))
    control.workspace.store.commit(Delete(ROUTES.key("churn"), None))
    gone = ask(control.app, "GET", made.json["path"], HOST)
    assert (gone.status, b"secret-plans" in gone.body) == (404, False)


def key(control: Control) -> str:
    return control.workspace.key_book.create("ops", ["operate"])[1]


def test_it_is_good_for_so_many_requests(
    control: Control, operator: Person, clock: ManualClock, upstream: HttpReceiver
) -> None:
    path = f"{publish(operator, rate='0.5')}/predict"
    tried = [ask(control.app, "POST", path, HOST, JSON, body=ROWS) for _ in range(4)]
    assert [reply.status for reply in tried] == [200, 200, 429, 429]
    assert tried[-1].headers["retry-after"] == "1"
    clock.advance(2)
    assert ask(control.app, "POST", path, HOST, JSON, body=ROWS).status == 200
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    "fields", [{"days": "91"}, {"days": "0"}, {"rate": "101"}, {"rate": "x"}, {"name": ""}]
)
def test_what_would_make_no_sense_is_not_published(
    operator: Person, control: Control, fields: dict[str, str]
) -> None:
    refused = operator.post("/try/churn/links", **{"name": "fair", **fields})
    assert refused.status == 400
    assert control.workspace.link_book.in_force() == []
    assert operator.post("/try/none/links", name="a").status == 404


def test_the_secret_of_its_address_is_kept_nowhere(control: Control, operator: Person) -> None:
    random = publish(operator).rpartition("_")[2]
    store = control.workspace.home.path / "store.db"
    written = b"".join(file.read_bytes() for file in store.parent.glob("store.db*"))
    assert b"publish_link" in written
    assert random.encode() not in written
    listed = control.ask("/v1/links", secret=key(control))
    assert [link["name"] for link in listed.json["links"]] == ["fair"]
    assert random.encode() not in listed.body


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", '"><script>', "\u00fcber"])
def test_its_name_is_shown_as_text(control: Control, operator: Person, text: str) -> None:
    assert operator.post("/try/churn/links", name=text).status == 200
    page = operator.get("/settings").body.decode()
    assert "<img src" not in page
    assert "<script>" not in page


def test_a_viewer_may_look_and_not_ask_nor_publish(control: Control) -> None:
    viewer = Person(control, "vera", "viewer")
    page = viewer.get("/try/churn").body.decode()
    assert "Your role may look" in page
    assert "Publish" not in page
    assert viewer.post("/try/churn/links", name="a").status == 403
