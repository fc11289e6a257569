"""The page of operations lists every metric and every alert."""

from __future__ import annotations

import re

from docs.pages import ROOT
from fairlead.ops import Objectives
from fairlead.ops.rules import rules
from fairlead.ops.types import Alert
from fairlead.telemetry.families import FAMILIES

PAGE = ROOT / "docs" / "guides" / "operations.md"
ROW = re.compile(r"^\| `(fairlead_\w+)` \| (?:API|control|both) \| (.*) \|$", re.MULTILINE)


def test_every_metric_is_listed_with_its_help() -> None:
    assert dict(ROW.findall(PAGE.read_text(encoding="utf-8"))) == FAMILIES


def test_every_alert_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    every = [rule for group in rules(Objectives()) for rule in group.rules]
    assert [r.name for r in every if isinstance(r, Alert) and f"`{r.name}`" not in text] == []
