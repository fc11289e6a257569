"""What `fairlead doctor` tells of the packages that are here."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli.doctor import doctor_command


@pytest.mark.parametrize(
    ("installed", "told"),
    [({"xgboost": "9.1"}, "9.1"), ({"xgboost-cpu": "9.2"}, "9.2"), ({}, "-")],
    ids=repr,
)
def test_a_build_of_xgboost_under_another_name_is_xgboost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], told: str
) -> None:
    found = importlib.metadata.version

    def version(name: str) -> str:
        if not name.startswith("xgboost"):
            return found(name)
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    said = CliRunner().invoke(doctor_command, obj=tmp_path / ".fairlead").output
    assert re.search(rf"^xgboost +{re.escape(told)} ", said, re.MULTILINE), said
