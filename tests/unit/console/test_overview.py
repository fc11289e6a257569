"""The first page: what is wrong comes first, in words, and names are only ever text."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.api.overview import (
    AlertLine,
    Answering,
    Concern,
    DataHealth,
    EndpointState,
    Operations,
    Overview,
    Quality,
    Underway,
)
from fairlead.app.attend import OVER, attend, headline
from fairlead.app.gauges import Seen
from fairlead.app.overview import overview
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.console.live import news
from fairlead.console.page import render
from fairlead.console.sparkline import points
from fairlead.monitoring.latency import Latencies
from fairlead.monitoring.operations import Pace, Reading, Readings
from fairlead.routing import ROUTES, SLOTS, Arm, Route, VersionRef
from fairlead.signature import Field, Signature
from fairlead.stats import Estimate
from fairlead.store import ABSENT, Put
from support.html import Page

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'" + "x" * 200
MINUTE_US = 60_000_000
SIGNATURE = Signature(
    inputs=(Field(name="age", kind="number"),), outputs=(Field(name="label", kind="category"),)
)


def alert(phrase: str = "values of age are missing", **more: object) -> AlertLine:
    known: dict[str, object] = {
        "name": "churn/missing/age", "severity": "ticket", "state": "firing", "holds": True,
        "phrase": phrase, "reason": "Of 100 rows 40 are missing", "look_at": "Ask", "since_us": 0,
    }  # fmt: skip
    return AlertLine(**{**known, **more})  # type: ignore[arg-type]


def release(state: str) -> Underway:
    return Underway(
        id="1", version="churn:2", strategy="canary", state=state,  # type: ignore[arg-type]
        step=1, steps=3, share=0.1, paused=False, reason="No guard is broken",
    )  # fmt: skip


def state(concern: Concern, name: str = "churn") -> EndpointState:
    return EndpointState(
        endpoint=name, answering=(Answering(version=name, role="stable", share=1.0),),
        operations=Operations(rate=2.0, error_ratio=0.0, p99_s=Estimate(0.01, 0.009, 0.02)),
        health=DataHealth(end_us=1, rows=10, fields=3, drifting=(name,)),
        quality=Quality(metric=name, realised=Estimate(0.9, 0.8, 0.95)),
        alerts=(), release=release("asking"), concern=concern,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("alerts", "underway", "answered", "rate", "level", "what"),
    [
        ([alert()], "asking", True, 1.0, "trouble", "values of age are missing"),
        ([alert(), alert("b")], None, True, 1.0, "trouble",
         "values of age are missing, and 1 more alert"),
        ([alert(silenced=True)], None, True, 1.0, "well", "all is well"),
        ([alert(state="pending")], None, True, 1.0, "well", "all is well"),
        ([alert(severity="digest")], None, True, 1.0, "look", "values of age are missing"),
        ([alert(severity="digest")], "asking", True, 1.0, "ask", "churn:2 waits for your word"),
        ([alert(holds=False)], None, True, 1.0, "look", "values of age are missing"),
        ([], "holding", True, 1.0, "well", "all is well"),
        ([], None, False, 0.0, "ask", "nobody answers it"),
        ([], None, True, 0.0, "idle", "it is not being asked"),
        ([], None, True, None, "idle", "it is not being asked"),
    ],
)  # fmt: skip
def test_an_endpoint_needs_what_is_worst_of_it(
    alerts: list[AlertLine],
    underway: str | None,
    answered: bool,
    rate: float | None,
    level: str,
    what: str,
) -> None:
    found = attend(
        alerts, None if underway is None else release(underway), is_answered=answered, rate=rate
    )
    assert (found.level, found.what) == (level, what)


def test_what_is_over_says_that_it_ends_by_itself() -> None:
    waits = attend((), None, is_answered=True, rate=1.0, asking="churn:2")
    assert (waits.level, waits.about) == ("ask", "update")
    assert "churn:2 waits for your word" in waits.what
    found = attend([alert(holds=False)], None, is_answered=True, rate=1.0)
    assert found.next == OVER


def test_the_headline_is_about_the_worst_and_counts_those_like_it() -> None:
    wrong = Concern(level="trouble", what="requests fail", next="Look.")
    well = Concern(level="well", what="all is well")
    assert headline([state(wrong, "a"), state(well)], ()) == ("trouble", "a: requests fail. Look.")
    _, two = headline([state(wrong, "a"), state(wrong, "b"), state(well)], ())
    assert two == "a (1 more is like it): requests fail. Look."
    assert headline([state(well)], ()) == ("well", "All is well.")
    level, told = headline([state(well)], ("log: the disk is full",))
    assert (level, told) == (
        "trouble", "The platform itself has a problem: log: the disk is full.",
    )  # fmt: skip


def test_names_are_only_ever_text() -> None:
    concern = Concern(level="trouble", what=HOSTILE, why=HOSTILE, next=HOSTILE)
    found = Overview(
        time_us=0, level="trouble", headline=HOSTILE, problems=(HOSTILE,),
        endpoints=(state(concern, HOSTILE),),
    )  # fmt: skip
    page = render("overview.html", overview=found, points=points)
    read = Page(page)
    assert (read.all("img"), read.inline()) == ([], [])
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 5


def test_an_empty_platform_says_what_to_do() -> None:
    nothing = Overview(time_us=0, level="idle", headline="", problems=(), endpoints=())
    assert "fairlead deploy MODEL:VERSION" in render(
        "overview.html", overview=nothing, points=points
    )


def test_it_is_put_together_from_what_was_seen(tmp_path: Path) -> None:
    clock = ManualClock()
    now_us = clock.now_us()
    workspace = Workspace(tmp_path / ".fairlead", clock)
    stable = Arm(
        name="stable", version=VersionRef("churn:1", "", ""), role="stable",
        slots=((0, 8000),),
    )  # fmt: skip
    beside = Arm(
        name="control", version=VersionRef("churn:1", "", ""), role="stable",
        slots=((8000, SLOTS),),
    )  # fmt: skip
    for name, arms in (("churn", (stable, beside)), ("empty", ())):
        route = Route(endpoint=name, revision=1, signature=SIGNATURE, arms=arms)
        workspace.store.commit(Put(ROUTES, ROUTES.key(name), route, ABSENT))
    start_us = now_us - 2 * MINUTE_US
    counted, earlier = Reading(now_us, 228, 240), Reading(now_us - MINUTE_US, 120, 120)
    times = ((start_us, 0), (now_us, 100))
    seen = Seen(
        time_us=now_us,
        counted={"churn": counted},
        readings={"churn": Readings((Reading(start_us, 0, 0), earlier))},
        latencies={"churn": tuple(Latencies(at, (0.1,), (n, 0)) for at, n in times)},
    )  # fmt: skip
    found = overview(workspace, seen, ())
    workspace.close()
    assert [one.endpoint for one in found.endpoints] == ["empty", "churn"]  # nobody answers
    churn = found.endpoints[1]
    assert churn.answering == (Answering(version="churn:1", role="stable", share=1.0),)
    assert churn.operations.rate == pytest.approx(2.0)
    assert churn.operations.error_ratio == pytest.approx(0.1)
    assert churn.operations.p99_s is not None
    assert churn.operations.p99_s.value == pytest.approx(0.099)
    assert churn.concern.level == "well"


def test_the_stream_tells_the_texts_of_the_page() -> None:
    concern = Concern(level="well", what="all is well")
    found = Overview(
        time_us=0, level="well", headline="All is well.", problems=(), endpoints=(state(concern),)
    )

    class Services:
        def overview(self) -> Overview:
            return found

        def changes(self) -> dict[str, str]:
            return {"route/churn": "7"}

    told = news(Services())  # type: ignore[arg-type]
    page = render("overview.html", overview=found, points=points)
    for place, text in told.live.items():
        if place.startswith("churn ") and not place.endswith(("line", "rows")):
            assert f'data-live="{place}">{text}<' in page
    assert told.changed["route/churn"] == "7"
    assert "churn:well" in told.changed["concern"]


def test_a_line_is_drawn_over_an_hour() -> None:
    assert points([]) == ""
    drawn = points([Pace(0, 0.0, None), Pace(30 * MINUTE_US, 5.0, None)])
    assert drawn == "60.0,26.0 118.0,2.0"
