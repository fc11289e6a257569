"""The doors of the review queues, with the checks of the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.review.types import media_key
from support.control import Control, control_of
from support.review import enter, name, put_route, route

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(8)


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home", keys=True) as control:
        put_route(control.workspace.store, route(mode="shadow"))
        enter(control.workspace.store, 1, 2)
        yield control


@pytest.fixture
def people(control: Control) -> tuple[str, str]:
    """The secrets of two people."""
    made = [control.workspace.key_book.create(who, ["review"]) for who in ("ada", "bob")]
    return made[0][1], made[1][1]


def test_one_takes_and_decides_and_takes_back(control: Control, people: tuple[str, str]) -> None:
    ada, bob = people
    first = control.ask("/v1/review/churn/take", {}, ada).json["task"]
    second = control.ask("/v1/review/churn/take", {}, bob).json["task"]
    assert (first["id"], second["id"]) == (name(1), name(2))
    assert first["guess"] is None
    assert first["question"]["choices"] == ["left", "stayed"]
    path = f"/v1/tasks/{first['id']}"
    refused = control.ask(f"{path}/decide", {"decision": "left"}, bob)
    assert refused.status == 409
    decided = control.ask(f"{path}/decide", {"decision": "left"}, ada).json
    assert (decided["state"], decided["decided_by"]) == ("decided", "ada")
    assert decided["guess"] is None  # it can be taken back, and decided again
    assert control.ask(path, secret=ada).json["guess"] is None
    stands = control.ask("/v1/review/churn", secret=ada).json
    assert (stands["waiting"], stands["taken"], stands["decided"]) == (1, 1, 1)
    again = control.ask("/v1/review/churn/undo", {}, ada).json["task"]
    assert (again["id"], again["state"]) == (name(1), "open")
    assert control.ask("/v1/review/churn/undo", {}, bob).status == 409
    assert control.ask(f"{path}/skip", {}, ada).json == {"skipped": name(1)}
    assert control.ask("/v1/review", secret=ada).json["queues"][0]["queue"] == "churn"


def test_the_guess_is_told_when_the_decision_stands(
    control: Control, people: tuple[str, str]
) -> None:
    enter(control.workspace.store, 3, decision="left", decided_us=1, delivered_us=2)
    told = control.ask(f"/v1/tasks/{name(3)}", secret=people[0]).json
    assert (told["state"], told["guess"]) == ("delivered", {"label": "left"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/v1/tasks/{name(1)}/decide", {"decision": "gone"}, 400),
        (f"/v1/tasks/{name(1)}/decide", {"decision": 1}, 400),
        (f"/v1/tasks/{name(1)}/decide", {"decision": ["left"]}, 422),
        (f"/v1/tasks/{name(1)}/decide", {"decision": "left", "who": "eve"}, 422),
        (f"/v1/tasks/{name(9)}/decide", {"decision": "left"}, 404),
        (f"/v1/tasks/{name(9)}/skip", {}, 404),
        ("/v1/tasks/x", None, 404),
        ("/v1/review/nowhere", None, 404),
        ("/v1/review/nowhere/take", {}, 404),
        ("/v1/review/nowhere/export", None, 404),
        ("/v1/review/nowhere/import", {}, 404),
        ("/v1/review/churn/import", {"id": name(1), "decision": "gone"}, 400),
        ("/v1/endpoints/nowhere/rungs", None, 404),
        (f"/v1/tasks/{name(1)}/media?field=scan", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    control: Control, people: tuple[str, str], path: str, body: Any, status: int
) -> None:
    assert control.ask(path, body, people[0]).status == status
    assert control.workspace.review_book.queues.decided("churn") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/review", None), ("/v1/review/churn/take", {}), ("/v1/review/churn/export", None),
        (f"/v1/tasks/{name(1)}/decide", {"decision": "left"}),
        (f"/v1/tasks/{name(1)}/media?field=scan", None),
    ],
)  # fmt: skip
def test_without_a_key_nothing_is_told(control: Control, path: str, body: Any) -> None:
    assert control.ask(path, body).status == 401


def test_what_went_out_comes_back(control: Control, people: tuple[str, str]) -> None:
    ada = people[0]
    out = control.ask("/v1/review/churn/export", secret=ada).body.splitlines()
    assert len(out) == 2
    told = {"id": name(2), "decision": "stayed"}
    assert control.ask("/v1/review/churn/import", told, ada).json == {
        "decided": 1, "left_out": 0
    }  # fmt: skip
    task = control.workspace.review_book.queues.task(name(2))
    assert (task.decision, task.decided_by) == ("stayed", "ada")
    assert control.ask("/v1/endpoints/churn/rungs", secret=ada).json == {"rungs": []}


def test_a_picture_is_shown_and_nothing_else_is_run(
    control: Control, people: tuple[str, str]
) -> None:
    blobs = control.workspace.blobs
    blobs.put(media_key(name(1), "left/scan"), PICTURE)
    blobs.put(media_key(name(2), "scan"), b"<script>alert(1)</script>")
    picture = control.ask(f"/v1/tasks/{name(1)}/media?field=left%2Fscan", secret=people[0])
    assert (picture.status, picture.body) == (200, PICTURE)
    assert picture.headers["content-type"] == "image/png"
    other = control.ask(f"/v1/tasks/{name(2)}/media?field=scan", secret=people[0])
    assert other.headers["content-type"] == "application/octet-stream"
    assert other.headers["x-content-type-options"] == "nosniff"
