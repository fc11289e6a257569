"""The pages as people use them: in a browser, against a platform, with nothing from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fairlead
from support.browser import SCHEMES, Visit, faint, overhang_px, wear
from support.models import package_churn
from support.platform import Platform
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.slow

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TABS_MAX = 30
OF_SWAGGER = ("/docs/churn", "/docs")
PAGES = ("/", "/try/churn", *OF_SWAGGER)


@pytest.fixture(scope="module")
def platform(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("pages") / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=1") as running:
        yield running


@pytest.fixture(scope="module")
def state(browser: Browser, platform: Platform) -> Any:
    """Of a browser that has signed in, by the link that the command prints."""
    with Visit(browser, platform.addresses.control, platform.link()) as page:
        return page.context.storage_state()


@pytest.fixture
def visit(browser: Browser, platform: Platform, state: Any) -> Visit:
    return Visit(browser, platform.addresses.control, storage_state=state)


def predict(page: Page) -> str:
    """Press the button and give the prediction's id, once it is shown."""
    page.get_by_role("button", name="Predict").click()
    return answered(page)


def answered(page: Page) -> str:
    shown = page.locator("#answer dd.code")
    shown.wait_for()
    return shown.inner_text()


def logged(platform: Platform, prediction: str) -> dict[str, Any]:
    rows = fairlead.read("churn", home=platform.home).collect().to_dicts()
    return next(row for row in rows if row["id"] == prediction)


def labelled(platform: Platform, prediction: str, label: str) -> bool:
    return bool(logged(platform, prediction)["label"] == label)


def test_a_filled_form_shows_label_probabilities_and_id(visit: Visit, platform: Platform) -> None:
    with visit as page:
        page.goto("/try/churn")
        assert page.locator("#feedback").is_hidden()
        page.get_by_label("age", exact=True).last.fill("85")
        page.get_by_label("visits", exact=True).last.fill("3")
        page.get_by_label("plan", exact=True).fill("pro")
        prediction = predict(page)
        assert re.fullmatch(UUID, prediction)
        assert page.locator("#answer .large").inner_text() == "left"
        names = page.locator(".bars .name").all_inner_texts()
        shares = [float(text) for text in page.locator(".bars .share").all_inner_texts()]
        assert names == ["left", "stayed"]
        assert sum(shares) == pytest.approx(1.0, abs=1e-5)
        widths = page.locator(".bars .fill").evaluate_all(
            "all => all.map((one) => one.offsetWidth / one.parentElement.offsetWidth)"
        )
        assert widths == pytest.approx(shares, abs=0.02)
        page.get_by_text("Whole answer").click()
        assert json.loads(page.locator("#whole-json").inner_text())["endpoint"] == "churn"
    row = logged(platform, prediction)
    assert (row["in.age"], row["in.visits"], row["in.plan"]) == (85.0, 3, "pro")


def test_nobody_asks_in_vain_before_the_page_listens(visit: Visit) -> None:
    with visit as page:
        held: list[Route] = []
        page.route("**/try.js", lambda route: held.append(route))
        with page.expect_request("**/try.js"):
            page.goto("/try/churn", wait_until="commit")
        button = page.get_by_role("button", name="Predict")
        button.wait_for()
        assert button.is_disabled()
        held[0].continue_()
        assert re.fullmatch(UUID, predict(page))


def test_what_changes_while_a_page_comes_is_shown_and_what_is_in_use_waits(
    visit: Visit, platform: Platform
) -> None:
    def silence(reason: str) -> None:
        platform.run("alerts", "silence", "churn", "--for=1h", f"--reason={reason}")

    with visit as page:
        held: list[Route] = []
        page.route("**/live", lambda route: held.append(route))
        with page.expect_request("**/live"):
            page.goto("/alerts")
        silence("a planned night")
        page.get_by_text("a planned night").wait_for(state="detached")
        held[0].continue_()
        page.get_by_text("a planned night").wait_for()
        page.locator("summary", has_text="Silence before work").click()
        typed = page.locator("details[open]").get_by_label("Reason")
        typed.fill("half a sen")
        with page.expect_response("**/alerts"):
            silence("another night")
        page.wait_for_load_state()
        assert typed.input_value() == "half a sen"
        assert page.get_by_text("another night").count() == 0
        page.keyboard.press("Escape")
        page.get_by_text("another night").wait_for()


def test_a_slider_and_its_number_move_together(visit: Visit) -> None:
    with visit as page:
        page.goto("/try/churn")
        slider, number = page.locator("[data-slider]").first, page.locator("#field-0")
        number.fill("30")
        assert slider.input_value() == "30"
        slider.press("ArrowRight")
        assert float(number.input_value()) == pytest.approx(30.1)
        assert '"age":30.1' in page.locator("#curl").inner_text()
        page.get_by_role("button", name="Start again").click()
        page.wait_for_function("() => !document.getElementById('curl').textContent.includes(30.1)")


def test_a_category_may_be_missing(visit: Visit, platform: Platform) -> None:
    with visit as page:
        page.goto("/try/churn")
        plan = page.get_by_label("plan", exact=True)
        plan.fill("team")
        page.get_by_label("missing").check()
        assert plan.is_disabled()
        assert "plan" not in page.locator("#curl").inner_text()
        prediction = predict(page)
    assert logged(platform, prediction)["in.plan"] is None


def test_a_wrong_value_is_told_at_its_field(visit: Visit) -> None:
    with visit as page:
        page.goto("/try/churn")
        predict(page)
        visits = page.locator("#field-1")
        visits.fill(str(2**53))
        page.get_by_role("button", name="Predict").click()
        page.locator("#answer .problem").wait_for()
        assert "visits" in page.locator("#answer .problem").inner_text()
        assert "whole number below 2^53" in page.locator("#field-1-problem").inner_text()
        assert visits.get_attribute("aria-invalid") == "true"
        assert visits.evaluate("one => one === document.activeElement")
        assert page.locator("#feedback").is_hidden()
        assert ["400" in problem for problem in visit.problems] == [True]  # the browser's own note
        visit.problems.clear()
        visits.fill("4")
        assert page.locator("#field-1-problem").inner_text() == ""
        predict(page)


def test_an_empty_field_is_not_sent(visit: Visit) -> None:
    with visit as page:
        page.goto("/try/churn")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.locator("#field-0").fill("")
        page.get_by_role("button", name="Predict").click()
        assert page.locator("#field-0").evaluate("one => one === document.activeElement")
        page.locator("#field-0").fill("50")
        predict(page)
        assert [url.rpartition("/")[2] for url in sent].count("predict") == 1


def test_feedback_reaches_the_log(visit: Visit, platform: Platform) -> None:
    with visit as page:
        page.goto("/try/churn")
        right = predict(page)
        label = page.locator("#answer .large").inner_text()
        page.get_by_role("button", name="It was right").click()
        page.get_by_text(f"Noted: {label}.").wait_for()
        page.get_by_role("button", name="Predict").click()
        page.wait_for_function(
            "id => document.querySelector('#answer dd.code')?.textContent !== id", arg=right
        )
        wrong = answered(page)
        other = page.locator("#truth").evaluate("one => JSON.parse(one.value)")
        assert {label, other} == {"left", "stayed"}
        page.get_by_role("button", name="Send").click()
        page.get_by_text(f"Noted: {other}.").wait_for()
    until(lambda: labelled(platform, right, label), "the label that was right")
    until(lambda: labelled(platform, wrong, other), "the other label")


@pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None, reason="needs bash and curl"
)
def test_the_copied_curl_command_is_answered(visit: Visit, tmp_path: Path) -> None:
    with visit as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto("/try/churn")
        page.get_by_label("plan", exact=True).fill("it's $(a) `new` one")
        page.locator("[data-copy=curl]").click()
        page.get_by_text("Copied.").wait_for()
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied == page.locator("#curl").text_content()
    (tmp_path / ".curlrc").write_text('silent\nnoproxy = "*"\nwrite-out = "\\n%{http_code}"\n')
    finished = subprocess.run(
        ["bash", "-c", copied], env={"PATH": "/usr/bin:/bin", "CURL_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    reply, status = finished.stdout.rsplit("\n", 1)
    assert status == "200"
    assert json.loads(reply)["predictions"][0]["version"] == "churn:1"


def tab_to(page: Page, name: str) -> None:
    """Go there with the keyboard alone; every stop on the way must be seen to have the focus."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        text, outline = page.evaluate(
            "() => [document.activeElement.textContent.trim(),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", text
        if text == name:
            return
    raise AssertionError(f"{TABS_MAX} tabs did not reach {name}")


def test_the_keyboard_is_enough(visit: Visit, platform: Platform) -> None:
    with visit as page:
        page.goto("/")
        tab_to(page, "churn")
        page.keyboard.press("Enter")
        page.wait_for_url("**/endpoints/churn")
        tab_to(page, "Try it")
        page.keyboard.press("Enter")
        page.wait_for_url("**/try/churn")
        tab_to(page, "Predict")
        page.keyboard.press("Enter")
        prediction = answered(page)
        label = page.locator("#answer .large").inner_text()
        tab_to(page, "It was right")
        page.keyboard.press("Enter")
        page.get_by_text(f"Noted: {label}.").wait_for()
    until(lambda: labelled(platform, prediction, label), "the label")


def test_the_overview_leads_everywhere(visit: Visit) -> None:
    with visit as page:
        page.goto("/")
        (listed,) = page.locator("#endpoints tbody").all()
        assert "churn:1 100 %" in listed.inner_text()
        listed.get_by_role("link", name="churn", exact=True).click()
        page.wait_for_url("**/endpoints/churn")
        for name, address in (("Try it", "**/try/churn"), ("API", "**/docs/churn")):
            page.get_by_label("Endpoint").get_by_role("link", name=name, exact=True).click()
            page.wait_for_url(address)
            assert page.get_by_role("heading", level=1).inner_text() == "churn"
        page.get_by_role("link", name="Fairlead", exact=True).click()
        page.wait_for_url(f"{visit.origin}/")
        page.get_by_role("link", name="API", exact=True).click()
        page.locator(".opblock").first.wait_for()
        assert page.locator(".opblock").count() > 10
        links = page.evaluate("() => [...document.querySelectorAll('a')].map((one) => one.href)")
        for link in {link for link in links if link.startswith(visit.origin)}:
            assert page.request.get(link).status == 200


def test_the_api_page_draws_operations_and_executes_them(visit: Visit) -> None:
    with visit as page:
        page.goto("/docs/churn")
        page.locator(".opblock").first.wait_for()
        paths = page.locator(".opblock-summary-path").all_text_contents()
        assert [path.rpartition("/")[2] for path in paths] == ["predict", "feedback", "{key}"]
        page.locator("#operations-default-predict .opblock-summary-control").click()
        page.get_by_role("button", name="Execute").click()
        status = page.locator(".live-responses-table .response-col_status").last
        status.wait_for()
        assert status.inner_text().startswith("200")
        assert '"churn:1"' in page.locator(".live-responses-table").inner_text()
        page.get_by_role("link", name="Try it", exact=True).click()
        page.wait_for_url("**/try/churn")


def test_nothing_scrolls_sideways_on_a_telephone(
    browser: Browser, platform: Platform, state: Any
) -> None:
    telephone = {"width": 360, "height": 740}
    origin = platform.addresses.control
    with Visit(browser, origin, storage_state=state, viewport=telephone) as page:
        page.goto("/")
        assert overhang_px(page) == 0
        page.goto("/try/churn")
        predict(page)
        seen = page.locator("#answer").evaluate("one => one.getBoundingClientRect().bottom")
        assert 0 < seen <= telephone["height"]
        page.get_by_text("Whole answer").click()
        assert overhang_px(page) == 0
        for path in ("/docs/churn", "/docs"):
            page.goto(path)
            page.locator(".opblock-summary-control").first.click()
            page.get_by_role("button", name="Execute").click()
            page.locator(".live-responses-table").wait_for()
            assert overhang_px(page) == 0, path


def test_all_text_is_read_easily_in_light_and_in_dark(visit: Visit) -> None:
    with visit as page:
        for path in PAGES:
            page.goto(path)
            if path == "/try/churn":
                predict(page)
            for scheme in SCHEMES:
                wear(page, scheme)
                assert path in OF_SWAGGER or not faint(page), (path, scheme)
                parts = ground(page)
                assert (max(parts) < 64) if scheme == "dark" else (min(parts) > 192), path


def ground(page: Page) -> list[int]:
    """Red, green and blue of what a page stands on."""
    told = page.evaluate("() => getComputedStyle(document.documentElement).background")
    return [int(part) for part in re.findall(r"\d+", told)[:3]]


PICTURES = """
import numpy as np

class Model:
    def load(self):
        pass

    def predict(self, batch):
        return {"label": np.array([f"{picture[6]} wide" for picture in batch["picture"]])}
"""


def gif(width: int) -> bytes:
    return b"GIF89a" + bytes([width, 0, 1, 0, 0, 0, 0]) + b";"


def test_a_picture_is_chosen_and_sent(visit: Visit, platform: Platform, tmp_path: Path) -> None:
    code = tmp_path / "pictures"
    code.mkdir()
    (code / "model.py").write_text(PICTURES)
    rows = [{"picture": gif(width)} for width in range(1, 5)]
    fairlead.package(str(code), rows, name="pictures", home=platform.home)
    platform.run("deploy", "pictures:1")
    (tmp_path / "mine.gif").write_bytes(gif(3))
    with visit as page:
        page.goto("/try/pictures")
        page.get_by_label("picture").set_input_files(tmp_path / "mine.gif")
        predict(page)
        assert page.locator("#answer .large").inner_text() == "3 wide"
