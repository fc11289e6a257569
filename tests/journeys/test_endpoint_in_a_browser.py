"""An endpoint's page in a browser, over an endpoint whose rows moved: from the cell to the bins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.app.sessions import sign_in_link
from support.browser import Visit, chromium, faint, overhang_px
from support.control import Control
from support.watched import Watched, older

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

PATH = "/endpoints/churn?hours=48"
DRAWN = ".js-plotly-plot .main-svg"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@dataclass(frozen=True)
class Pages:
    """Where the pages are, and who looks at them."""

    browser: Browser
    watched: Watched
    origin: str

    def visit(self, **options: Any) -> Visit:
        """Come to them, signed in."""
        link = sign_in_link(self.watched.workspace, self.origin, "tester")
        return Visit(self.browser, self.origin, link, **options)


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Where the pages of an endpoint are, whose callers grew older in its last four hours."""
    watched = Watched(tmp_path_factory.mktemp("endpoint") / ".fairlead")
    watched.pass_hours(14, labelled=0.3)
    watched.pass_hours(4, older)
    watched.monitor.signals()
    with Control(watched.workspace, keys=False, seen=lambda: watched.monitor.seen).serve() as url:
        yield Pages(browser, watched, url)
    watched.close()


def draw_all(page: Page) -> int:
    """Come by each figure, until it is drawn."""
    figures = page.locator("figure[data-figure]")
    for place in range(figures.count()):
        figures.nth(place).evaluate("one => one.scrollIntoView()")
        figures.nth(place).locator(DRAWN).first.wait_for()
    return figures.count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_figures_are_drawn_and_nothing_moves_or_goes_wrong(
    pages: Pages, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    with pages.visit(viewport=size, color_scheme=scheme) as page:
        page.goto(PATH)
        before = page.locator("#releases").bounding_box()
        assert draw_all(page) == 8
        after = page.locator("#releases").bounding_box()
        assert before is not None
        assert after is not None
        assert before["y"] == pytest.approx(after["y"] + page.evaluate("scrollY"), abs=2)
        assert overhang_px(page) == 0
        assert faint(page) == {}


def test_a_cell_of_the_heat_map_opens_its_field_in_its_window(pages: Pages) -> None:
    with pages.visit(viewport={"width": 1440, "height": 900}) as page:
        page.goto(PATH)
        heat = page.locator("figure[data-opens]")
        heat.scroll_into_view_if_needed()
        heat.locator(DRAWN).first.wait_for()
        cells = heat.locator(".hm image").bounding_box()
        assert cells is not None
        page.mouse.click(cells["x"] + cells["width"] - 3, cells["y"] + 5)
        page.wait_for_url("**field=age&window=*")
        detail = page.locator("#field")
        assert "age" in detail.locator("h2").inner_text()
        assert "of what proves a drift" in detail.inner_text()
        detail.locator(DRAWN).first.wait_for()
        detail.get_by_text("Numbers of the figure").click()
        assert detail.locator(".bins tr").count() > 5
        detail.get_by_role("link", name="Window before").click()
        page.wait_for_load_state()
        detail.get_by_role("link", name="Close").click()
        page.wait_for_load_state()
        assert page.locator("#field").count() == 0


def test_the_same_is_reached_by_keyboard(pages: Pages) -> None:
    with pages.visit() as page:
        page.goto(PATH)
        page.locator(".fields-table td a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**field=age&window=*")
        assert page.locator("#field").is_visible()


def test_predictions_open_and_are_searched(pages: Pages) -> None:
    with pages.visit(viewport={"width": 390, "height": 844}) as page:
        page.goto("/endpoints/churn/predictions?hours=24")
        assert page.locator(".predictions details").count() == 50
        page.locator(".predictions summary").first.click()
        opened = page.locator(".predictions details[open]")
        assert "age" in opened.inner_text()
        prediction = opened.locator("code").first.inner_text()
        page.get_by_label("Value").fill(prediction)
        page.get_by_role("button", name="Search").click()
        page.wait_for_url("**value=*")
        assert page.locator(".predictions details[open]").count() == 1
        assert overhang_px(page) == 0
        assert faint(page) == {}
