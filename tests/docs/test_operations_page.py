"""The page of operations lists every metric, with what it tells."""

from __future__ import annotations

import re

from docs.pages import ROOT
from fairlead.telemetry.families import FAMILIES

PAGE = ROOT / "docs" / "guides" / "operations.md"
ROW = re.compile(r"^\| `(fairlead_\w+)` \| (?:API|control|both) \| (.*) \|$", re.MULTILINE)


def test_every_metric_is_listed_with_its_help() -> None:
    assert dict(ROW.findall(PAGE.read_text(encoding="utf-8"))) == FAMILIES
