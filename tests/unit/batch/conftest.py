"""A home with one version, made once for many jobs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.models import package_churn


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("packaged") / ".fairlead"
    package_churn(home)
    return home


@pytest.fixture
def home(packaged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged, tmp_path / ".fairlead"))
