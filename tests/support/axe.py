"""Whether people can use a page who see little, or no colours, or have no mouse: axe-core says."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((found) => ["serious", "critical"].includes(found.impact))
  .map((found) => `${found.id}: ${found.nodes.map((node) => node.target).join(", ")}`)"""


def hindrances(page: Page) -> list[str]:
    """What axe-core finds serious or critical on a page: which rule, and where."""
    page.evaluate(_axe())
    found: list[str] = page.evaluate(RUN)
    return found


@cache
def _axe() -> str:
    """Its source, as an installed package carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text()
