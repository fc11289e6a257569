"""A log of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.answers import AnswerLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AnswerLog]:
    log = AnswerLog(tmp_path)
    yield log
    log.close()
