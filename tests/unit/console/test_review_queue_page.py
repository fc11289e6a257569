"""The page of a review queue: what is refused has the status of the refusal, and is told there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.control import Control, control_of
from support.review import enter, name, put_route, route

PATH = "/review/churn"


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home") as control:
        put_route(control.workspace.store, route(mode="shadow"))
        enter(control.workspace.store, 1)
        yield control


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"task": name(1), "value": "none of them"}, 400, "none of the labels"),
        ({"action": "undo"}, 409, "no decision of yours"),
        ({"action": "skip", "task": "x"}, 404, "no task of this id"),
    ],
)
def test_what_is_refused_is_told_on_the_page(
    control: Control, fields: dict[str, str], status: int, told: str
) -> None:
    refused = control.order(PATH, **fields)
    page = refused.body.decode()
    assert refused.status == status
    assert told in page
    assert f'value="{name(1)}"' in page, "the task is still there to be decided"
    assert refused.headers["referrer-policy"] == "same-origin"


def test_a_decision_leads_to_the_next_task(control: Control) -> None:
    done = control.order(PATH, task=name(1), value="left")
    assert (done.status, done.headers["location"]) == (303, PATH)
    assert control.workspace.review_book.queues.task(name(1)).decision == "left"
    assert control.order("/review/none", action="undo").status == 404
