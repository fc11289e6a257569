"""People in a browser: who is let in how, what they may do, and a page that is shown to others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fairlead
from fairlead.app.workspace import Workspace
from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.models import package_churn
from support.platform import Platform
from support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

PASSWORD = "four words in a row"
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def platform(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("people") / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=1") as running:
        yield running


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_the_link_that_up_prints_signs_in_once(browser: Browser, platform: Platform) -> None:
    found = until(
        lambda: re.search(r"Sign in   (http://\S+/enter/\S+)\n", platform.log), "the link"
    )
    origin = platform.addresses.control
    with Visit(browser, origin, found[1]) as page:
        page.get_by_role("link", name="churn", exact=True).first.wait_for()
        assert page.evaluate("() => document.cookie") == ""
    visit = Visit(browser, origin)
    with visit as page:
        page.goto("/try/churn?x=1")
        page.wait_for_url("**/login?then=/try/churn%3Fx%3D1")
        assert "fairlead link" in page.locator("main").inner_text()
        page.goto(found[1])
        assert "has been used" in page.get_by_role("alert").inner_text()
        assert ["401" in problem for problem in visit.problems] == [True]  # the browser's own note
        visit.problems.clear()


def test_an_admin_adds_a_user_who_signs_in_until_they_are_let_go(
    browser: Browser, platform: Platform
) -> None:
    origin = platform.addresses.control
    with Visit(browser, origin, platform.link()) as admin:
        admin.get_by_role("link", name="Settings").click()
        admin.get_by_text("Add a user").click()
        admin.locator("#users").get_by_label("Name").fill("vera")
        admin.locator("#users").get_by_label("Password").last.fill(PASSWORD)
        admin.get_by_role("button", name="Add").click()
        admin.wait_for_url("**/settings#users")
        with Visit(browser, origin) as page:
            page.goto("/try/churn?x=1")
            sign_in(page, "vera")
            page.wait_for_url(f"{origin}/try/churn?x=1")
            assert "vera, viewer" in page.locator(".who").inner_text()
            assert page.get_by_role("button", name="Predict").count() == 0
            assert page.get_by_role("link", name="Audit").count() == 0
            page.get_by_role("link", name="Settings").click()
            for label in ("Old password", "New one, 12", "The new one again"):
                page.get_by_label(label).fill(PASSWORD)
            page.get_by_role("button", name="Change password").click()
            page.wait_for_url("**/settings#password")
            row = admin.get_by_role("row", name="vera")
            row.get_by_text("Role…").click()
            row.get_by_label("Role").select_option("operator")
            row.get_by_role("button", name="Change role").click()
            admin.wait_for_url("**/settings#users")
            page.goto("/try/churn")
            page.wait_for_url("**/login?then=/try/churn")
            sign_in(page, "vera")
            page.get_by_role("button", name="Predict").click()
            page.locator("#answer dd.code").wait_for()
            page.get_by_role("button", name="It was right").click()
            page.get_by_text("Noted").wait_for()
            row = admin.get_by_role("row", name="vera")
            row.get_by_text("Remove…").click()
            row.get_by_role("button", name="Remove").click()
            admin.wait_for_url("**/settings#users")
            page.goto("/")
            page.wait_for_url("**/login?then=/")
        admin.get_by_role("link", name="Audit").click()
        said = admin.locator("main").inner_text()
        assert "added vera as viewer" in said
        assert "removed vera" in said


def test_a_key_is_made_and_revoked_and_its_name_is_text(
    browser: Browser, platform: Platform
) -> None:
    with Visit(browser, platform.addresses.control, platform.link()) as page:
        page.goto("/settings")
        page.get_by_text("Make a key").click()
        page.locator("#keys").get_by_label("Name").fill(HOSTILE)
        page.get_by_role("button", name="Make", exact=True).click()
        assert page.locator("#secret").inner_text().startswith("fl_")
        assert page.locator("main img").count() == 0
        row = page.get_by_role("row", name=HOSTILE)
        row.get_by_text("Revoke…").click()
        row.get_by_role("button", name="Revoke").click()
        page.wait_for_url("**/settings#keys")
        assert page.get_by_role("row", name=HOSTILE).count() == 0


def test_a_published_page_is_tried_by_who_has_not_signed_in(
    browser: Browser, platform: Platform
) -> None:
    origin = platform.addresses.control
    with Visit(browser, origin, platform.link()) as page:
        page.goto("/try/churn")
        page.get_by_label("Name").fill("fair")
        page.get_by_role("button", name="Publish").click()
        path = page.locator("pre a").get_attribute("href")
        assert path is not None
        with Visit(browser, origin, viewport={"width": 390, "height": 844}) as guest:
            guest.goto(path)
            guest.get_by_role("button", name="Predict").click()
            shown = guest.locator("#answer dd.code")
            shown.wait_for()
            prediction = shown.inner_text()
            assert guest.get_by_role("navigation").count() == 0
            assert guest.get_by_role("button", name="It was right").count() == 0
            assert overhang_px(guest) == 0
            assert not faint(guest)
        page.goto("/settings")
        row = page.get_by_role("row", name="fair")
        row.get_by_text("Take back…").click()
        row.get_by_role("button", name="Take back").click()
        page.wait_for_url("**/settings#links")
    assert platform.control(path).status == 404
    until(lambda: prediction in units(platform), "the prediction is on the log")
    assert units(platform)[prediction] == "link:fair"


def units(platform: Platform) -> dict[str, str]:
    rows = fairlead.read("churn", home=platform.home).collect().to_dicts()
    return {row["id"]: row["unit"] for row in rows}


def test_the_pages_are_read_easily_on_a_telephone(browser: Browser, platform: Platform) -> None:
    telephone = {"width": 390, "height": 844}
    origin, link = platform.addresses.control, platform.link()
    with Visit(browser, origin, link, viewport=telephone) as page:
        for path in ("/settings", "/audit", "/login"):
            page.goto(path)
            for scheme in SCHEMES:
                wear(page, scheme)
                assert overhang_px(page) == 0, (path, scheme)
                assert not faint(page), (path, scheme)


def test_a_link_outlives_a_restart_and_is_not_printed_where_there_are_users(
    tmp_path: Path,
) -> None:
    home = tmp_path / ".fairlead"
    with Platform(home, "--workers=1") as platform:
        path = platform.link().removeprefix(platform.addresses.control)
        workspace = Workspace(home)
        workspace.user_book.add("ann", "viewer", PASSWORD)
        workspace.close()
        until(lambda: "Sign in" in platform.log, "the link")
    with Platform(home, "--workers=1") as platform:
        until(lambda: platform.log.count("Console") == 2, "where to go")
        assert platform.log.count("Sign in") == 1
        entered = platform.control(path)
        assert (entered.status, "set-cookie" in entered.headers) == (200, True)
        assert platform.control(path).status == 401
