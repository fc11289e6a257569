"""Logging in as people do: in a browser, with a key that is pasted once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.models import package_churn
from support.platform import Platform
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("login") / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=1", "--keys") as running:
        yield running


def make(platform: Platform, *arguments: str) -> str:
    return platform.run("keys", "create", *arguments).strip()


def test_a_person_logs_in_tries_an_endpoint_and_logs_out(
    browser: Browser, platform: Platform, tmp_path: Path
) -> None:
    secret = make(platform, "ann", "--scope=operate")
    with Visit(browser, platform.addresses.control) as page:
        page.goto("/try/churn")
        page.wait_for_url("**/login?then=/try/churn")
        page.get_by_role("textbox", name="Key").fill(secret)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{platform.addresses.control}/try/churn")
        page.get_by_role("button", name="Predict").click()
        page.locator("#answer dd.code").wait_for()
        curl = page.locator("#curl").inner_text()
        assert "$FAIRLEAD_KEY" in curl
        assert 'key=os.environ["FAIRLEAD_KEY"]' in page.locator("#python").inner_text()
        assert page.evaluate("() => document.cookie") == ""
        page.goto("/docs/churn")
        page.locator(".opblock").first.wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{platform.addresses.control}/login")
        page.goto("/")
        page.wait_for_url("**/login?then=/")
    if shutil.which("curl"):
        shown = make(platform, "copier", "--scope=predict")
        finished = subprocess.run(
            ["sh", "-c", f"{curl} -s --noproxy '*'"],
            env={"PATH": "/usr/bin:/bin", "FAIRLEAD_KEY": shown},
            capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        assert '"version":"churn:1"' in finished.stdout


def test_a_key_that_is_not_for_the_pages_is_told_so(browser: Browser, platform: Platform) -> None:
    secret = make(platform, "bob", "--scope=predict")
    visit = Visit(browser, platform.addresses.control)
    with visit as page:
        page.goto("/")
        page.get_by_role("textbox", name="Key").fill(secret)
        page.get_by_role("button", name="Sign in with it").click()
        page.get_by_role("alert").wait_for()
        assert "view" in page.get_by_role("alert").inner_text()
        assert secret not in page.content()
        assert ["403" in problem for problem in visit.problems] == [True]  # the browser's own note
        visit.problems.clear()


def test_the_page_is_read_easily(browser: Browser, platform: Platform) -> None:
    telephone = {"width": 360, "height": 740}
    with Visit(browser, platform.addresses.control, viewport=telephone) as page:
        page.goto("/login")
        for scheme in SCHEMES:
            wear(page, scheme)
            assert overhang_px(page) == 0
            assert not faint(page), scheme
