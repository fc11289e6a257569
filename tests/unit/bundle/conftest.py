"""A small bundle for each test, with its keys and its archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.bundle import Bundle, KeyRing, pack, write_bundle
from support.bundle import FILES, INFO


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys")


@pytest.fixture
def bundle(tmp_path: Path, keys: KeyRing) -> Bundle:
    return write_bundle(tmp_path / "bundle", INFO, FILES, keys)


@pytest.fixture
def archive(bundle: Bundle, tmp_path: Path) -> Path:
    pack(bundle, tmp_path / "churn.fairlead")
    return tmp_path / "churn.fairlead"
