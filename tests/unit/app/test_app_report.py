"""A report is one file that needs nothing else, and what was logged is only shown in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairlead.app.report.compose import Known, compose
from fairlead.app.report.render import render
from fairlead.app.watching import Watching
from fairlead.monitoring import Budget, State, watch
from fairlead.monitoring.course import Course, chart
from fairlead.monitoring.records import Finding, Stream, Watch
from support.alerts import alert
from support.browser import Visit, chromium, overhang_px
from support.profiled import reference, window

HOSTILE = (
    "</script><img src=x onerror='window.hit=1'><a href=\"javascript:window.hit=1\">{{7*7}}\u202e"
)
HOUR_US = 3_600_000_000
BUDGET = Budget(learn=2)


@pytest.fixture(scope="module")
def known() -> Known:
    """Six hours of rows whose field and categories have hostile names."""
    random = np.random.default_rng(5)
    names = np.array([HOSTILE, f"b{HOSTILE}"], dtype=object)
    frame = reference(**{HOSTILE: random.choice(names, 2000), "x": random.normal(size=2000)})
    stream = Stream(endpoint="churn", version="churn:1", role="stable")
    state, findings = State(), []
    rows = {HOSTILE: np.array([None, f"new{HOSTILE}"] * 100, dtype=object)}
    current = window(frame, **rows, x=random.normal(size=200))
    for hour in range(6):
        state, comparison, detection = watch(state, frame, current, budget=BUDGET)
        findings.append(Finding(
            stream=stream, start_us=hour * HOUR_US, end_us=(hour + 1) * HOUR_US,
            comparison=comparison, detection=detection,
        ))  # fmt: skip
    course = chart(Watch(stream=stream, state=state), findings)
    return Known(course=course, floor=0.02, reference=frame, current=current, windows=1)


def watching(*courses: Course) -> Watching:
    raised = alert("pending", "firing", subject=HOSTILE, look_at=HOSTILE)
    return Watching(endpoint="churn", time_us=0, alarm=True, courses=courses, alerts=(raised,))


@pytest.fixture(scope="module")
def page(known: Known) -> str:
    return render(compose(watching(known.course), [known]))


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)
            self._in_script = False


def test_no_name_becomes_an_element(page: str) -> None:
    elements = Elements(page)
    assert {tag for tag, _ in elements.found}.isdisjoint({"img", "a", "iframe", "object"})
    assert [attrs.get("type") for tag, attrs in elements.found if tag == "script"] == [
        "application/json", None, None,
    ]  # fmt: skip
    assert "&lt;/script&gt;&lt;img" in page
    assert "{{7*7}}" in page, "a name is no template"


def test_nothing_is_asked_from_elsewhere(page: str) -> None:
    elements = Elements(page)
    asked = [a[k] for _, a in elements.found for k in ("src", "href") if k in a]
    assert asked == ["data:,"]
    policy = next(a["content"] for _, a in elements.found if "http-equiv" in a)
    digests = re.findall(r"'sha256-([^']+)'", policy or "")
    scripts = elements.scripts[1:]
    assert digests == [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert "default-src 'none'" in (policy or "")
    assert page.count("plotly.js v") == 1


def test_each_figure_has_a_place_and_a_name(page: str) -> None:
    elements = Elements(page)
    figures = json.loads(elements.scripts[0])
    places = [a for _, a in elements.found if "data-figure" in a]
    assert [a["data-figure"] for a in places] == [str(n) for n in range(len(figures))]
    assert all(a["aria-label"] for a in places)
    assert len(figures) == 5


def test_a_stream_without_windows_and_one_without_rows_are_told(known: Known) -> None:
    bare = Known(course=Course(stream=known.course.stream, alarm=False), floor=0.02)
    lost = msgspec.structs.replace(known, reference=None)
    quiet = Watching(endpoint="churn", time_us=0, alarm=False, courses=(), alerts=())
    report = compose(quiet, [bare, lost])
    assert report.verdict == "Quiet"
    assert report.sections[0].text == "Nothing is wrong that an alert tells of."
    assert report.chapters[0].sections[0].text == "No window of this time was looked at."
    drawn = next(s for s in report.chapters[1].sections if s.title == "Distributions")
    assert drawn.figures == ()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 390])
def test_a_browser_shows_it_and_runs_nothing_of_what_was_logged(
    page: str, tmp_path: Path, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    with chromium() as browser:
        visit = Visit(browser, f"file://{tmp_path}", viewport={"width": width, "height": 800})
        with visit as shown:
            shown.goto(f"file://{file}")
            shown.locator("[data-figure] .main-svg").last.wait_for(state="attached")
            assert shown.locator(".js-plotly-plot").count() == 5
            assert shown.evaluate("window.hit") is None
            assert shown.locator("svg a").count() == 0
            label = shown.locator("[data-figure='2'] .ytick").first.text_content()
            assert "</script><img" in (label or "")
            assert overhang_px(shown) == 0
