"""The console over a running demo: every page, as people see it, and what its buttons do.

Where the environment variable `FAIRLEAD_SCREENSHOTS` names a folder, pictures of all pages are
written to it, for a person to look at.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support.axe import OF_COLOURS, hindrances
from support.browser import Scheme, Visit, faint, overhang_px, wear
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

LINK = re.compile(r"Console +(http://[^/]+)(/enter/\S+)")
SIZES = ((1440, 900), (390, 844))
LOOKS: tuple[tuple[Scheme, tuple[str, ...]], ...] = (("light", ()), ("dark", OF_COLOURS))
"""The colours that a page wears, one after the other, and the rules that it is held to in them."""
PAGES = {
    "overview": "/",
    "endpoint": "/endpoints/tumour",
    "endpoint-well": "/endpoints/wine",
    "predictions": "/endpoints/tumour/predictions",
    "release": "/endpoints/progression/releases",
    "models": "/models",
    "model": "/models/tumour",
    "version": "/models/tumour/2",
    "compare": "/models/tumour/compare?left=1&right=2",
    "review": "/review",
    "queue": "/review/wine",
    "alerts": "/alerts",
    "updates": "/updates",
    "learners": "/learners",
    "jobs": "/jobs",
    "try": "/try/wine",
    "settings": "/settings",
    "audit": "/audit",
}


class Demo(NamedTuple):
    """One that runs.

    Args:
        said: what it told until it stayed up.
        origin: of its pages.
        state: of a browser that has signed in.
    """

    said: str
    origin: str
    state: Any


@pytest.fixture(scope="module")
def demo(browser: Browser) -> Iterator[Demo]:
    command = [sys.executable, "-m", "fairlead", "demo", "--port=0", "--control-port=0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "stays up until" in line:
                break
        found = LINK.search(said)
        assert found is not None, said
        context = browser.new_context()
        page = context.new_page()
        page.goto(found[1] + found[2])
        page.locator("#endpoints").wait_for()
        state = context.storage_state()
        context.close()
        yield Demo(said, found[1], state)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def pictures() -> Path | None:
    told = os.environ.get("FAIRLEAD_SCREENSHOTS")
    if not told:
        return None
    folder = Path(told)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def visit(browser: Browser, demo: Demo, **options: Any) -> Visit:
    return Visit(browser, demo.origin, storage_state=demo.state, **options)


def drawn(page: Page) -> None:
    """Scroll through, until every figure is drawn; a live page may put a new one in its place."""
    for figure in page.locator("[data-figure]").all():
        figure.evaluate("one => one.scrollIntoView()")
        figure.locator(".main-svg").first.wait_for()
    page.evaluate("() => scrollTo(0, 0)")


def test_the_story_is_told(demo: Demo) -> None:
    assert "tumour/drift/mean radius" in demo.said
    told = re.findall(r"tumour/(?:drift|missing|out-of-range|new-categories)/(.+?):", demo.said)
    assert set(told) == {"mean radius"}, f"nothing else has moved: {demo.said}"
    assert "tumour:2 is done" in demo.said
    assert "tumour:3 is rolled back: The guard accuracy" in demo.said


def test_a_stranger_sees_which_model_is_in_trouble_and_what_to_do(
    browser: Browser, demo: Demo
) -> None:
    def told(page: Page) -> bool:
        page.goto("/")  # the first requests come as soon as the demo stays up
        rest = page.locator("#endpoints tbody").all_inner_texts()[1:]
        is_told = "mean radius" in page.locator("#headline").inner_text()
        return is_told and "Waits for you" in rest[0] and "Well" in rest[1]

    with visit(browser, demo) as page:
        until(lambda: told(page), "what is wrong, what waits and what is well")
        words = page.locator("#headline").inner_text()
        assert "Trouble" in words
        assert "tumour" in words
        assert "Ask whoever sends this field what changed, and when." in words
        first = page.locator("#endpoints tbody").first
        assert first.locator("th").inner_text() == "tumour"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_is_sound_for_everyone(
    browser: Browser, demo: Demo, pictures: Path | None, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    with visit(browser, demo, viewport=size) as page:
        for name, path in PAGES.items():
            page.goto(path)
            page.locator("h1").first.wait_for()
            drawn(page)
            for scheme, rules in LOOKS:
                wear(page, scheme)
                if pictures is not None:
                    page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)
                assert overhang_px(page) == 0, (name, scheme)
                assert faint(page) == {}, (name, scheme)
                assert hindrances(page, *rules) == [], (name, scheme)


def test_live_values_come_without_loading_anew(browser: Browser, demo: Demo) -> None:
    with visit(browser, demo) as page:
        page.goto("/")
        rate = page.locator("[data-live='tumour rate']")
        before = rate.inner_text()
        until(lambda: rate.inner_text() != before, "another rate")
        assert re.fullmatch(r"[\d.,]+ /(s|min)", rate.inner_text())


def test_a_canary_is_approved_paused_and_rolled_back_from_its_page(
    browser: Browser, demo: Demo
) -> None:
    def press(page: Page, name: str, reason: str) -> None:
        page.locator("details.act summary", has_text=name).first.click()
        form = page.locator("details.act[open] form")
        form.get_by_label("Reason").fill(reason)
        form.locator("button[type=submit]").click()
        page.wait_for_load_state()

    with visit(browser, demo) as page:
        page.goto("/endpoints/progression/releases")
        press(page, "Approve", "the evidence is good")
        page.get_by_text("the evidence is good").first.wait_for()
        page.locator("details.act summary", has_text="Pause").first.wait_for()
        press(page, "Pause", "lunch")
        page.get_by_text("lunch").first.wait_for()
        press(page, "Roll back", "it was a bad day")
        page.get_by_text("Taken back by").first.wait_for()
        page.goto("/audit")
        page.get_by_text("it was a bad day").first.wait_for()


def test_a_person_decides_what_the_model_is_not_sure_of(browser: Browser, demo: Demo) -> None:
    with visit(browser, demo) as page:
        page.goto("/review/wine")
        page.locator(".choices button").first.wait_for()
        first = page.locator(".choices button").first.inner_text().split()[-1]
        page.keyboard.press("1")
        page.get_by_text(f"You said {first}.").wait_for()
        page.keyboard.press("u")
        page.get_by_text(f"You said {first}.").wait_for(state="detached")
        page.locator(".choices button").first.wait_for()
