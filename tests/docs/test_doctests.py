"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from docs.pages import ROOT


def _modules(folder: Path) -> list[str]:
    """Dotted names of the modules in a folder that have examples."""
    return [
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(folder.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


SOURCE = _modules(ROOT / "src")


@pytest.mark.parametrize("name", [*SOURCE, "docs.printed"])
def test_examples_in_docstrings_are_true(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0


def test_there_are_examples() -> None:
    assert "fairlead.signature.infer" in SOURCE
