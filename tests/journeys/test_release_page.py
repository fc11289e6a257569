"""A canary from its first approval to its way back, told from the page by a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairlead.app.workspace import Workspace
from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.models import package_churn
from support.platform import Platform
from support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

ROW = {"age": 33.0, "visits": 4, "plan": "pro"}
TELEPHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def platform(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("release") / ".fairlead"
    for _ in range(2):
        package_churn(home)
    (home / "fairlead.toml").write_text("[monitoring]\nwindow_s = 0.5\n")
    with Platform(home, "churn:1", "--workers=1") as running:
        yield running


def ask(platform: Platform, requests: int = 200) -> set[str]:
    """Ask for many units, and give the versions that answered."""
    found = set()
    for number in range(requests):
        reply = platform.predict("churn", {"rows": [ROW], "unit": f"user-{number}"})
        found.add(reply.json["predictions"][0]["version"])
    return found


def is_seen(platform: Platform) -> bool:
    """Whether something is known of what the candidate answered."""
    newest = platform.control("/v1/endpoints/churn/releases").json["releases"][-1]
    return bool(newest["judged"][0]["seen"]["requests"])


def tell(page: Page, title: str, reason: str) -> None:
    """Press a button, say why, and press again."""
    page.get_by_text(f"{title}…").click()
    opened = page.locator("details.act[open]")
    opened.get_by_label("Reason").fill(reason)
    opened.get_by_role("button", name=title, exact=True).click()


def test_a_canary_is_approved_paused_and_rolled_back_from_the_page(
    browser: Browser, platform: Platform, tmp_path: Path
) -> None:
    with Visit(browser, platform.addresses.control) as page:
        page.goto(platform.run("link").strip().split()[-1])
        page.wait_for_url(f"{platform.addresses.control}/")
        page.goto("/endpoints/churn/releases/new")
        page.get_by_label("Version").select_option("churn:2")
        page.get_by_label("Strategy").select_option("canary")
        page.get_by_role("button", name="Show what it would do").click()
        page.get_by_label("Steps").fill("approve, 50% for 1h, 100%")
        page.get_by_role("button", name="Show what it would do").click()
        page.get_by_role("heading", name="What it would do").wait_for()
        page.get_by_role("button", name="Start this release").click()
        release = page.locator("#release")

        release.get_by_text("Waits for a person", exact=True).wait_for()
        assert ask(platform, 20) == {"churn:1"}
        tell(page, "Approve", "looks <b>good</b>")
        release.get_by_text("Under way", exact=True).wait_for()
        assert ask(platform) == {"churn:1", "churn:2"}
        tell(page, "Pause", "one moment")
        release.get_by_text("Under way, paused", exact=True).wait_for()
        tell(page, "Resume", "")
        release.get_by_text("Under way", exact=True).wait_for()
        until(lambda: ask(platform, 20) and is_seen(platform), "evidence")
        page.wait_for_function(  # made anew once the log of it was read, without a reload
            "() => document.querySelector('#guards td').textContent.includes('%')"
        )
        page.screenshot(path=tmp_path / "release.png", full_page=True)
        assert page.locator("#words").get_by_text("looks <b>good</b>").first.is_visible()
        tell(page, "Roll back", "enough seen")
        release.get_by_text("Taken back", exact=True).wait_for()
        assert ask(platform) == {"churn:1"}
        page.goto("/endpoints/churn/releases")
        page.get_by_text("No release is under way.").wait_for()
        page.locator("#history").get_by_role("link", name="churn:2").click()
        words = page.locator("#words")
        assert "approved looks <b>good</b>" in words.inner_text()
        assert "enough seen" in words.inner_text()
        assert page.locator("details.act").count() == 0
    workspace = Workspace(platform.home)
    (first, second) = workspace.releases.releases("churn")
    workspace.close()
    assert (first.state, second.state) == ("done", "aborted")


def test_the_page_is_read_easily_on_a_telephone(browser: Browser, platform: Platform) -> None:
    with Visit(browser, platform.addresses.control, viewport=TELEPHONE) as page:
        page.goto(platform.run("link").strip().split()[-1])
        page.wait_for_url(f"{platform.addresses.control}/")
        for path in ("", "/new?version=churn:2&strategy=canary"):
            page.goto(f"/endpoints/churn/releases{path}")
            for scheme in SCHEMES:
                wear(page, scheme)
                assert overhang_px(page) == 0
                assert not faint(page), (path, scheme)
