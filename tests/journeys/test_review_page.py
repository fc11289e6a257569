"""The review queue in a browser: keys choose, what is shown is what it is, nothing leads."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fairlead.review.tally import TALLIES, Judged, Tally
from fairlead.review.types import media_key
from fairlead.signature import Field
from fairlead.store import ABSENT, Put
from support.browser import Visit, faint, overhang_px
from support.control import Control, control_of
from support.review import SIGNATURE, enter, name, put_route, route

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"
BACKWARDS = "‮gnp.exe"


def picture(side: int = 64) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    lines = zlib.compress(b"".join(b"\0" + bytes([128]) * side for _ in range(side)))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """The control plane, with three questions: a picture, words, and hostile ones."""
    with control_of(tmp_path / "home") as control:
        fields = ("scan", "image"), ("words", "text"), ("age", "number")
        inputs = tuple(Field(name=one, kind=kind) for one, kind in fields)  # type: ignore[arg-type]
        put_route(control.workspace.store, route(mode="shadow", signature=replace(
            SIGNATURE, inputs=inputs)))  # fmt: skip
        store, blobs = control.workspace.store, control.workspace.blobs
        blobs.put(media_key(name(1), "scan"), picture())
        words = "Where is my order?\nIt should have come on Monday."
        for number, asked in enumerate(({"words": words, "age": 42.5, "scan": "sha256:a"},
                                        {"words": HOSTILE, HOSTILE: BACKWARDS * 30},
                                        {"scan": "sha256:b", "age": None}), start=1):  # fmt: skip
            enter(store, number, inputs=asked)
        pending = Judged(240, 228, {"left": {"left": 150, "stayed": 8},
                                    "stayed": {"stayed": 78, "left": 4}})  # fmt: skip
        seen = Tally(endpoint="churn", version="churn:1", mode="shadow", rows=243, pending=pending)
        store.commit(Put(TALLIES, TALLIES.key("churn", "churn:1", "shadow"), seen, ABSENT))
        yield control


@pytest.fixture
def origin(control: Control) -> Iterator[str]:
    """Where it is served."""
    with control.serve() as origin:
        yield origin


@pytest.fixture
def cookie(control: Control) -> tuple[str, str]:
    """Of the session of a reviewer who has signed in."""
    _, secret = control.workspace.key_book.create("ada", ["review"])
    name_, _, value = control.porter.by_key(secret).partition(";")[0].partition("=")
    return name_, value


@pytest.fixture
def visit(browser: Browser, origin: str, cookie: tuple[str, str]) -> Callable[..., Visit]:
    """Opens the console as that reviewer."""

    def opened(**options: Any) -> Visit:
        made = Visit(browser, origin, **options)
        made.page.context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": origin}])
        return made

    return opened


def decisions(control: Control) -> dict[str, object]:
    found = control.workspace.review_book.queues.decided("churn")
    return {task.id: task.decision for task in found}


def test_keys_decide_skip_and_take_back(
    visit: Callable[..., Visit], control: Control, tmp_path: Path
) -> None:
    with visit() as page:
        page.goto("/review")
        assert not faint(page)
        page.get_by_text("ready for assist").click()
        page.get_by_text("240 rows were judged; 50 are asked for.").wait_for()
        page.screenshot(path=tmp_path / "queues.png", full_page=True)
        page.get_by_role("link", name="churn").click()
        shown = page.get_by_role("img", name="scan")
        shown.wait_for()
        assert shown.evaluate("image => image.naturalWidth") == 64
        assert "It should have come on Monday." in page.locator(".words").inner_text()
        assert "The model says" not in page.content()
        page.screenshot(path=tmp_path / "picture.png", full_page=True)
        page.keyboard.press("2")
        page.get_by_text("You said stayed.").wait_for()
        page.screenshot(path=tmp_path / "decided.png", full_page=True)
        assert decisions(control) == {name(1): "stayed"}
        page.get_by_text(name(2)).wait_for()
        page.keyboard.press("s")
        page.get_by_text(name(3)).wait_for()
        page.get_by_text("It was not kept.").wait_for()
        page.keyboard.press("u")
        page.get_by_text(name(1)).wait_for()
        assert decisions(control) == {}
        page.get_by_role("button", name="left").click()
        page.get_by_text("You said left.").wait_for()
        page.keyboard.press("1")
        page.get_by_text(name(2)).wait_for()
        page.keyboard.press("1")
        page.get_by_text("Nothing waits for you").wait_for()
        assert len(decisions(control)) == 3


def test_hostile_words_are_words(
    visit: Callable[..., Visit], control: Control, tmp_path: Path
) -> None:
    control.workspace.review_book.take("churn", "somebody else")
    for width, height, scheme in ((1440, 900, "light"), (390, 844, "dark")):
        options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
        with visit(**options) as page:
            page.goto("/review/churn")
            assert HOSTILE in page.locator(".words").first.inner_text()
            assert page.locator("#review img").count() == 0
            page.screenshot(path=tmp_path / f"review-{width}-{scheme}.png", full_page=True)
            assert overhang_px(page) == 0
            assert not faint(page)


def test_what_comes_in_is_shown_by_itself(visit: Callable[..., Visit], control: Control) -> None:
    book = control.workspace.review_book
    book.decide_all([(name(n), "left") for n in (1, 2, 3)], "somebody else")
    with visit() as page:
        page.goto("/review/churn")
        page.get_by_text("Nothing waits for you").wait_for()
        enter(control.workspace.store, 4, mode="assist")
        page.get_by_text("The model says left.").wait_for()
        page.keyboard.press("1")
        page.get_by_text("You said left.").wait_for()
    assert decisions(control)[name(4)] == "left"


def test_what_somebody_else_has_taken_over_is_said(
    visit: Callable[..., Visit], control: Control
) -> None:
    visited = visit()
    with visited as page:
        page.goto("/review/churn")
        _take_over(control, page)
        page.keyboard.press("1")
        page.get_by_role("alert").wait_for()
        assert "decided already" in page.get_by_role("alert").inner_text()
        assert decisions(control) == {name(1): "stayed"}
        page.get_by_text(name(2)).wait_for()
        noted = visited.problems  # by the browser itself
        assert ["409" in problem for problem in noted] == [True]
        noted.clear()


def _take_over(control: Control, page: Page) -> None:
    page.get_by_text(name(1)).wait_for()
    book = control.workspace.review_book
    book.put_back(name(1), "ada")
    book.decide(name(1), "stayed", "somebody else")
