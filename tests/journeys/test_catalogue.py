"""Pages of models, alerts and jobs in a browser: at a desk and on a phone, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.catalogue import fill
from support.control import Control, control_of
from support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

PAGES = (
    "/models", "/models/churn", "/models/churn/1", "/models/churn/3",
    "/models/churn/compare?left=1&right=2", "/alerts", "/jobs", "/jobs/churn/nightly",
)  # fmt: skip
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def control(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    with control_of(fill(tmp_path_factory.mktemp("catalogue"))) as control:
        yield control


@pytest.fixture(scope="module")
def origin(control: Control) -> Iterator[str]:
    with control.serve() as origin:
        yield origin


def sign_in(page: Page, control: Control) -> None:
    page.goto(f"/enter/{control.workspace.entry_book.make('ann')}")
    page.wait_for_url("**/")


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_can_be_read(
    browser: Browser, control: Control, origin: str, size: str
) -> None:
    with Visit(browser, origin, viewport=SIZES[size]) as page:
        sign_in(page, control)
        for path in PAGES:
            page.goto(path)
            for scheme in SCHEMES:
                wear(page, scheme)
                assert (path, scheme, overhang_px(page), faint(page)) == (path, scheme, 0, {})


@pytest.mark.parametrize("size", SIZES)
def test_what_a_button_opens_stands_on_the_page(
    browser: Browser, control: Control, origin: str, size: str
) -> None:
    with Visit(browser, origin, viewport=SIZES[size]) as page:
        sign_in(page, control)
        for path, title in (("/alerts", "Silence…"), ("/jobs", "Pause…"), ("/alerts", "End…")):
            if title == "End…":
                control.workspace.alert_book.silence("churn", 3600, rule="none")
            page.goto(path)
            page.locator("summary", has_text=title).first.click()
            box = page.locator("details.act[open] > form").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= SIZES[size]["width"]
            assert overhang_px(page) == 0
            page.keyboard.press("Escape")
            assert page.locator("details.act[open]").count() == 0


def test_an_alert_is_acknowledged_and_silenced_from_the_page(
    browser: Browser, control: Control, origin: str
) -> None:
    with Visit(browser, origin) as page:
        sign_in(page, control)
        page.goto("/alerts")
        card = page.locator("article", has_text="churn / errors")
        card.locator("summary", has_text="Acknowledge…").click()
        card.locator("[open]").get_by_label("Note").fill("I roll back.")
        page.keyboard.press("Enter")
        page.get_by_text("ann is on it").wait_for()
        card.locator("summary", has_text="Silence…").click()
        opened = card.locator("[open]")
        opened.get_by_label("For").select_option("30m")
        opened.get_by_role("button", name="Silence").click()
        page.locator("#silenced article", has_text="churn / errors").wait_for()
    (silence,) = (s for s in control.workspace.alert_book.silences() if s.rule == "errors")
    assert silence.actor == "ann"


def test_a_page_follows_what_changes_meanwhile(
    browser: Browser, control: Control, origin: str
) -> None:
    with Visit(browser, origin) as page:
        sign_in(page, control)
        with page.expect_request("**/live"):
            page.goto("/jobs")
        page.wait_for_function("() => performance.getEntriesByName(location.origin + '/live')")
        until(lambda: _paused(page, control), "the page to say so")


def _paused(page: Page, control: Control) -> bool:
    """Change something until the page, which may just be opening its stream, has seen it."""
    book = control.workspace.job_book
    paused = book.job("churn/hourly").paused
    (book.resume if paused else book.pause)("churn/hourly", actor="bob")
    page.wait_for_timeout(1500)
    return not paused and page.get_by_text("Paused").count() > 0


def test_a_version_is_deployed_from_its_page(
    browser: Browser, control: Control, origin: str
) -> None:
    visit = Visit(browser, origin)
    with visit as page:
        sign_in(page, control)
        page.goto("/models/churn/2")
        page.locator("summary", has_text="Deploy…").click()
        opened = page.locator("details.act[open]")
        opened.get_by_label("Endpoint").fill("other")
        opened.get_by_label("How it takes over").select_option("now")
        opened.get_by_label("Reason").fill("It is better.")
        opened.get_by_role("button", name="Deploy").click()
        page.wait_for_url("**/endpoints/other")
        visit.problems.clear()  # nothing has put the release in force here: there is no endpoint
    (release,) = control.workspace.releases.releases("other")
    assert (release.actor, release.reason) == ("ann", "It is better.")
