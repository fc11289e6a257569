"""The pages of learners: what they tell, what they obey, and that they fit whoever looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.learning import LEARNERS, Learner
from fairlead.learning.types import Moments, Point, Tally
from fairlead.routing import ROUTES
from fairlead.stats import Evidence
from fairlead.store import Put
from support.control import Control, control_of
from support.online import package_online
from support.routes import route, version

SETTINGS = """
[endpoint.tide.online]
guard = { fall = 0.2 }
"""
HOSTILE = "<img onerror=alert(1) src=x>"


def learner(**changes: object) -> Learner:
    now = Tally(
        learner=Moments(400, 40.0, 40.0, 40), base=Moments(400, 200.0, 200.0, 200),
        gain=Moments(400, 160.0, 160.0, 160), worse=Evidence((7.0,), (7.0,)), unknown=3, again=2,
        unfit=1, upto_us=1_700_000_000_000_000,
    )  # fmt: skip
    now_us = SystemClock().now_us()
    course = tuple(
        Point(
            time_us=now_us - 60_000_000 * (4 - number),
            version=f"tide:{number}",
            labels=200,
            learner=0.125,
            base=0.5,
        )
        for number in (2, 3)
    )
    values: dict[str, object] = {
        "endpoint": "tide", "base": "tide:1", "good": "tide:2", "version": "tide:3",
        "answers": "tide:3", "began_us": 1, "checkpoint_us": 2, "now": now, "course": course,
    }  # fmt: skip
    return Learner(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder: Path = tmp_path_factory.mktemp("learners")
    (folder / "fairlead.toml").write_text(SETTINGS)
    package_online(folder / ".fairlead")
    with control_of(folder / ".fairlead") as control:
        value = route("tide", 1, version(3, "tide"))
        control.workspace.store.commit(Put(ROUTES, ROUTES.key("tide"), value, None))
        yield control


def put(control: Control, one: Learner) -> None:
    control.workspace.store.commit(Put(LEARNERS, LEARNERS.key("tide"), one, None))


def page(control: Control, path: str) -> str:
    reply = control.ask(path)
    assert reply.status == 200, reply.body
    return reply.body.decode()


def test_one_that_waits_is_listed_and_one_that_there_is_not_is_not_found(control: Control) -> None:
    assert "Waiting" in page(control, "/learners")
    assert "Waiting" in page(control, "/learners/tide")
    assert control.ask("/learners/tid").status == 404
    assert control.order("/learners/tide", order="approve").status == 400


def test_it_is_shown_how_it_does_and_what_its_guard_sees(control: Control) -> None:
    put(control, learner())
    assert "0.900" in page(control, "/learners")
    shown = page(control, "/learners/tide")
    for text in ("Learning", "0.900", "0.500", "400", "tide:2", "its own before", "Freeze",
                 "3 for no prediction", "/v1/endpoints/tide/figures/learning"):  # fmt: skip
        assert text in shown, text
    guard = control.ask("/v1/endpoints/tide/online").json["guard"]
    assert [each["against"] for each in guard] == ["tide:2", "its own before"]
    assert guard[0]["evidence"] == 7.0
    assert guard[0]["evidence"] < guard[0]["enough"]
    figure = control.ask("/v1/endpoints/tide/figures/learning?hours=24&form=csv")
    assert [line.split(b",")[1:] for line in figure.body.split()] == [
        [b"version", b"labels", b"learner", b"base"],
        [b"tide:2", b"200", b"0.125", b"0.5"],
        [b"tide:3", b"200", b"0.125", b"0.5"],
    ]


def test_it_is_frozen_and_resumed_with_a_reason(control: Control) -> None:
    put(control, learner())
    told = control.order("/learners/tide", order="freeze", reason=HOSTILE)
    assert (told.status, told.headers["location"]) == (303, "/learners/tide")
    assert control.workspace.online_book.learner("tide").reason == HOSTILE
    for path in ("/learners", "/learners/tide"):
        shown = page(control, path)
        assert "Frozen" in shown
        assert HOSTILE not in shown
        assert "&lt;img onerror" in shown
    assert control.order("/learners/tide", order="freeze").status == 409
    assert control.order("/learners/tide", order="resume", reason="It was a mistake.").status == 303
    assert control.workspace.online_book.learner("tide").state == "waiting"
    events = control.workspace.store.events(subject="learner/")
    assert events[-1].detail["reason"] == "It was a mistake."


def test_one_that_was_stopped_is_in_trouble(control: Control) -> None:
    put(control, learner(state="frozen", by="guard", reason="It is worse than tide:2."))
    shown = page(control, "/learners/tide")
    assert "Guard froze it: It is worse than tide:2." in shown
    assert 'class="level trouble"' in shown
