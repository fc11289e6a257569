"""Orders of updates: the page and the REST API say the same of what there is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.control import Control, control_of


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home") as control:
        yield control


@pytest.mark.parametrize("word", ["approve", "decline", "cancel"])
def test_an_endpoint_without_updates_has_none_to_tell(control: Control, word: str) -> None:
    assert control.order("/updates/churn", order=word, update="u1").status == 404
    assert control.ask(f"/v1/updates/churn/runs/u1/{word}", method="POST").status == 404


def test_a_word_that_no_page_has_is_refused(control: Control) -> None:
    assert control.order("/updates", order="approve").status == 400
