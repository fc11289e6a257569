"""A real browser, shut in: it reaches one platform, and what goes wrong on a page is noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pytest

from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

# No name leads anywhere but to this machine. To route requests would shut a browser in, too, but
# also switch its cache off: each page would load and compile the library of figures anew.
SHUT_IN = (
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
CONTRAST_MIN = 4.5
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""

# Every text that is seen, with the contrast to the ground that it stands on (WCAG 2.2).
CONTRASTS = """
() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const color = getComputedStyle(up).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    throw new Error("nothing has a colour");
  };
  const told = [...document.body.querySelectorAll("*")].filter((element) =>
    element.checkVisibility() && element.tagName !== "OPTION"
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return told.map((element) => {
    const [low, high] = [light(getComputedStyle(element).color), light(ground(element))]
      .sort((a, b) => a - b);
    return [element.textContent.trim(), (high + 0.05) / (low + 0.05)];
  });
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright; skips where either is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SHUT_IN)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page of a platform, from opening until nothing has gone wrong on it.

    Args:
        browser: that shows it.
        origin: of the platform's pages; requests to any other are noted.
        link: that signs in first; nobody is signed in if empty.
        options: of the browser's context, e.g. `viewport`.
    """

    def __init__(self, browser: Browser, origin: str, link: str = "", **options: Any) -> None:
        self.origin = origin
        self._link = link
        self.problems: list[str] = []
        self._context = browser.new_context(base_url=origin, **options)
        self._context.set_default_timeout(PATIENCE_S * 1000)
        self._context.on("request", self._note_request)
        self._context.add_init_script(TELL_VIOLATIONS)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def __enter__(self) -> Page:
        if self._link:
            self.page.goto(self._link)
            self.page.wait_for_url(f"{self.origin}/")
        return self.page

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._context.close()
        assert kind is not None or not self.problems, self.problems

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.problems.append(f"asked for {request.url}")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)


def wear(page: Page, scheme: Scheme) -> None:
    """Show the page in other colours, as where a person chooses them, and what is drawn on it."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("() => new Promise(requestAnimationFrame)")  # who listens has been told by then


def overhang_px(page: Page) -> int:
    """How far the page scrolls sideways."""
    found = page.evaluate(
        "() => { const { scrollWidth, clientWidth } = document.documentElement;"
        " return scrollWidth - clientWidth; }"
    )
    return int(found)


def faint(page: Page) -> dict[str, float]:
    """Each text that is seen whose contrast is too low to be read easily, and its contrast."""
    return {text: found for text, found in page.evaluate(CONTRASTS) if found < CONTRAST_MIN}
