"""Rows that a person is to decide: what the model says of them is shown to nobody before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.clock import ManualClock
from fairlead.predictionlog import (
    DecidedBy,
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.signature import Batch
from support.control import Control
from support.endpoints import NOW_US, remember

PATH = "/endpoints/churn/predictions"
WAITS, DECIDED, GIVEN, ABOVE_WAITS, ABOVE_GIVEN = (
    number.to_bytes(16, "big") for number in range(1, 6)
)
SAID = {WAITS: "guess-1", DECIDED: "guess-2", GIVEN: "guess-3"}
ASIDE = {ABOVE_WAITS: "guess-4", ABOVE_GIVEN: "guess-5"}


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    workspace = remember(tmp_path_factory.mktemp("withheld") / ".fairlead", hours=0)
    write(workspace.home.journals, "p", encode_prediction(rows(SAID, "stable",
        decided_by=["pending", "pending", "model"])))  # fmt: skip
    write(workspace.home.journals, "s", encode_prediction(rows(ASIDE, "shadow",
        parent_ids=[WAITS, GIVEN])))  # fmt: skip
    told = FeedbackFrame(
        endpoint="churn", time_us=np.full(2, NOW_US, np.int64), received_us=NOW_US,
        ids=[DECIDED, WAITS], names=["decision", "label"], values=["yes", "no"], source="review",
    )  # fmt: skip
    write(workspace.home.journals, "f", encode_feedback(told))
    yield Control(workspace, keys=False)
    workspace.close()


def rows(
    said: dict[bytes, str], role: Any, *, decided_by: list[DecidedBy] | None = None,
    parent_ids: list[bytes | None] | None = None,
) -> PredictionFrame:  # fmt: skip
    count = len(said)
    return PredictionFrame(
        endpoint="churn", revision=1, arm=role, version="churn:1", role=role,
        assigned_by="hash", outcome="ok", source="live", model_us=1000,
        time_us=np.full(count, NOW_US - 1_000_000, np.int64), ids=list(said),
        caller_ids=[None] * count, units=[None] * count,
        slots=np.zeros(count, np.int16), propensity=np.ones(count),
        queue_us=np.zeros(count, np.int32), decided_by=decided_by, parent_ids=parent_ids,
        inputs=Batch(count, ("x",), np.ones((count, 1)), {}),
        outputs=Batch(count, (), np.zeros((count, 0)),
                      {"label": np.array(list(said.values()), dtype=object)}),
    )  # fmt: skip


def write(folder: Path, name: str, frame: bytes) -> None:
    writer = JournalWriter(folder, name, ManualClock(NOW_US))
    writer.append(frame)
    writer.close()


def test_a_row_that_waits_for_a_person_is_told_without_the_answer(control: Control) -> None:
    told = control.ask(f"/v1{PATH}").json["predictions"]
    assert {one["id"][-1]: (one["outputs"].get("label"), one["withheld"]) for one in told} == {
        "1": (None, True), "2": ("guess-2", False), "3": ("guess-3", False),
        "4": (None, True), "5": ("guess-5", False),
    }  # fmt: skip


def test_nor_can_it_be_asked_for_by_its_id(control: Control) -> None:
    for last in ("1", "4"):
        path = f"{PATH}?by=id&value=00000000-0000-0000-0000-00000000000{last}"
        page = control.ask(path).body.decode()
        assert "guess" not in page
        assert "A person decides; the model&#39;s answer is not shown." in page.replace(
            "'", "&#39;"
        )


def test_the_page_shows_what_is_decided(control: Control) -> None:
    page = control.ask(PATH).body.decode()
    shown = {guess for guess in (*SAID.values(), *ASIDE.values()) if guess in page}
    assert shown == {"guess-2", "guess-3", "guess-5"}
