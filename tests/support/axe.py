"""Whether people can use a page who see little, or no colours, or have no mouse: axe-core says."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Rules whose outcome is another where a page wears other colours."""

RUN = """async (rules) => (await axe.run(document, {
    resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {}),
  })).violations
  .filter((found) => ["serious", "critical"].includes(found.impact))
  .map((found) => `${found.id}: ${found.nodes.map((node) => node.target).join(", ")}`)"""


def hindrances(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or critical on a page: which rule, and where.

    Args:
        page: that is looked at.
        rules: that it is held to; all if none is named.
    """
    page.evaluate(_axe())
    found: list[str] = page.evaluate(RUN, rules)
    return found


@cache
def _axe() -> str:
    """Its source, as an installed package carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text()
