"""A log of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.clock import ManualClock
from fairlead.store import open_blobs, open_store
from support.log import START_US, Log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    (tmp_path / "journals").mkdir()
    store = open_store(f"sqlite://{tmp_path}/store.db")
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    yield Log(tmp_path / "journals", store, blobs, ManualClock(START_US))
    store.close()
