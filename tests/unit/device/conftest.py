"""One package of a small version, for all tests of a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.export.device import write_device
from support.device import bare_environment, small_bundle


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    return write_device(small_bundle(folder), "ages:3", folder / "ages-3-device")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return bare_environment(tmp_path_factory.mktemp("packages"))
