"""How much a model decides: who answers each row in each mode, and what is on the log of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.errors import StorageError
from fairlead.ids import text
from fairlead.routing import Automation, Mode
from fairlead.serving.openapi import openapi
from fairlead.signature import Batch, concat
from support.plane import PlaneInProcess
from support.scoring import CHURN, churn

PATH = "/v1/endpoints/churn/predict"
PARTIAL = Automation("partial", "confidence >= 0.7 and label == stayed")
OLD, YOUNG, ODD = {"age": 60, "visits": 3}, {"age": 30, "visits": 3}, {"age": 30}
"""Of these the model says: left; stayed; it does not know."""


class Model:
    """Answers as `churn` does, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, batch: Batch) -> Batch:
        self.asked += batch.rows
        return churn(batch)


def fails(batch: Batch) -> Batch:
    """Fails at old customers."""
    if (batch.numbers[:, 0] > 50).any():
        raise RuntimeError("planted")
    return churn(batch)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        yield plane


def logged(plane: PlaneInProcess) -> dict[str, str]:
    """Who decides each row, as the log has it."""
    return {
        text(raw): by
        for frame in plane.frames
        for raw, by in zip(frame.ids, frame.decided_by or [], strict=True)
    }


def rows_of(plane: PlaneInProcess, *rows: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    got = plane.ask(PATH, {"rows": rows})
    return got.status, got.json["predictions"]


def test_where_the_model_decides_all_the_reply_and_the_log_are_as_ever(
    plane: PlaneInProcess,
) -> None:
    plane.serve("churn", CHURN, churn)
    status, (row,) = rows_of(plane, YOUNG)
    assert (status, [*row]) == (200, ["id", "version", "arm", "label", "probabilities"])
    assert (plane.frames[0].decided_by, plane.frames[0].mode) == (None, "full")


@pytest.mark.parametrize("mode", ["human", "shadow", "assist"])
@pytest.mark.parametrize("accept", ["", "text/csv"])
def test_where_a_person_decides_all_callers_get_ids_alone(
    plane: PlaneInProcess, mode: Mode, accept: str
) -> None:
    model = Model()
    plane.serve("churn", CHURN, model, automation=Automation(mode))
    body = b"age,visits\n60,3\n30,3\n"
    got = plane.ask(PATH, body, {"content-type": "text/csv", "accept": accept or "*/*"})
    assert got.status == 202
    rows = got.json["predictions"]
    assert [{**row, "id": ""} for row in rows] == [{"id": "", "decided_by": "pending"}] * 2
    assert logged(plane) == {row["id"]: "pending" for row in rows}
    assert not {"fairlead-route", "server-timing"} & {*got.headers}
    (frame,) = plane.frames
    assert frame.inputs.column("age").tolist() == [60.0, 30.0]
    assert model.asked == (0 if mode == "human" else 2)
    assert (frame.outputs is None) == (mode == "human")
    assert frame.mode == mode
    assert (frame.source, frame.role) == (
        ("human", "human") if mode == "human" else ("live", "stable")
    )


def test_rows_that_no_model_is_asked_about_keep_what_callers_said(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, churn, automation=Automation("human"))
    trace = "ab" * 16
    got = plane.ask(
        PATH, {"rows": [YOUNG, OLD], "unit": ["u-1", "u-2"], "id": ["mine", None]},
        {"traceparent": f"00-{trace}-{'cd' * 8}-01"},
    )  # fmt: skip
    assert got.status == 202, got.body
    (frame,) = plane.frames
    assert (frame.units, frame.caller_ids) == (["u-1", "u-2"], ["mine", None])
    assert frame.trace_ids == [trace] * 2


def test_the_model_decides_the_rows_of_which_the_condition_holds(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, churn, automation=PARTIAL)
    status, rows = rows_of(plane, OLD, YOUNG, ODD, YOUNG)
    assert status == 202
    assert [row["decided_by"] for row in rows] == ["pending", "model", "pending", "model"]
    assert [*rows[0]] == ["id", "decided_by"]
    assert rows[1] == {
        "id": rows[1]["id"], "decided_by": "model", "version": "churn:1", "arm": "stable",
        "label": "stayed", "probabilities": {"left": 0.25, "stayed": 0.75},
    }  # fmt: skip
    assert logged(plane) == {row["id"]: row["decided_by"] for row in rows}
    (frame,) = plane.frames
    assert frame.outputs is not None
    assert frame.outputs.column("label").tolist() == ["left", "stayed", "stayed", "stayed"]


def test_the_status_tells_whether_any_row_waits(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, churn, automation=PARTIAL)
    assert [rows_of(plane, *rows)[0] for rows in ([YOUNG], [OLD], [YOUNG, OLD])] == [200, 202, 202]


def test_requests_that_ran_together_get_their_own_rows(plane: PlaneInProcess) -> None:
    import asyncio

    plane.serve("churn", CHURN, churn, automation=PARTIAL)

    async def ask() -> list[Any]:
        bodies = [{"rows": [YOUNG]}, {"rows": [OLD, YOUNG]}, {"rows": [ODD]}]
        return await asyncio.gather(*(plane.asking(PATH, body) for body in bodies))

    replies = plane.loop.run_until_complete(ask())
    assert len(plane.frames) == 1
    said = [[row["decided_by"] for row in reply.json["predictions"]] for reply in replies]
    assert said == [["model"], ["pending", "model"], ["pending"]]
    assert [reply.status for reply in replies] == [200, 202, 202]
    given = {row["id"]: row["decided_by"] for r in replies for row in r.json["predictions"]}
    assert logged(plane) == given


def test_what_the_model_fails_at_a_person_decides(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, fails, automation=PARTIAL)
    status, (row,) = rows_of(plane, OLD)
    assert (status, row) == (202, {"id": row["id"], "decided_by": "pending"})
    assert (plane.frames[0].outcome, logged(plane)) == ("model_error", {row["id"]: "pending"})


def test_what_a_candidate_fails_at_a_person_decides_and_nobody_else(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, churn, fails, automation=PARTIAL, candidate=0.5)
    rows = [{**(OLD if n % 2 else YOUNG), "plan": "pro"} for n in range(40)]
    got = plane.ask(PATH, {"rows": rows, "unit": [f"u-{n}" for n in range(40)]})
    assert got.status == 202, got.body
    given = {row["id"]: row["decided_by"] for row in got.json["predictions"]}
    assert logged(plane) == given
    assert {frame.outcome for frame in plane.frames} == {"ok", "model_error"}
    assert {*given.values()} == {"model", "pending"}


def test_a_version_that_does_not_answer_what_is_asked_for_decides_nothing(
    plane: PlaneInProcess,
) -> None:
    def labels(batch: Batch) -> Batch:
        answers = churn(batch)
        return Batch(answers.rows, (), answers.numbers, {"label": answers.columns["label"]})

    plane.serve("churn", CHURN, labels, automation=PARTIAL, fields=CHURN.outputs[:1])
    assert rows_of(plane, YOUNG)[1][0]["decided_by"] == "pending"


def test_what_is_on_no_log_has_no_id(
    plane: PlaneInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(plane.sink, "predictions", full)
    for automation in (Automation("human"), PARTIAL):
        plane.serve("churn", CHURN, churn, automation=automation)
        got = plane.ask(PATH, {"rows": [YOUNG]})
        assert (got.status, "predictions" in got.json) == (503, False)


def test_shadows_of_a_release_see_rows_and_decide_none(plane: PlaneInProcess) -> None:
    seen = Model()
    plane.serve("churn", CHURN, churn, shadow=seen, automation=PARTIAL)
    _, rows = rows_of(plane, YOUNG, OLD)
    plane.ask("/v1/endpoints")  # a turn of the loop
    assert seen.asked == 2
    assert [frame.decided_by for frame in plane.frames] == [["model", "pending"], None]
    assert plane.frames[1].parent_ids is not None
    assert [text(raw or b"") for raw in plane.frames[1].parent_ids] == [row["id"] for row in rows]


def test_rows_of_a_switch_keep_to_the_mode_that_they_came_under(plane: PlaneInProcess) -> None:
    import asyncio

    async def ask() -> Any:
        plane.serve("churn", CHURN, churn, automation=PARTIAL)
        task = asyncio.ensure_future(plane.asking(PATH, {"rows": [OLD]}))
        await asyncio.sleep(0)
        plane.serve("churn", CHURN, churn)
        return await task, await plane.asking(PATH, {"rows": [OLD]})

    before, after = plane.loop.run_until_complete(ask())
    assert before.json["predictions"][0]["decided_by"] == "pending"
    assert after.json["predictions"][0]["label"] == "left"


@pytest.mark.parametrize(
    ("mode", "statuses", "says"),
    [
        ("human", {"202"}, "A person decides every row."),
        ("partial", {"200", "202"}, "The model decides some rows, a person the others."),
    ],
)
def test_its_description_tells_of_both_kinds_of_rows(
    plane: PlaneInProcess, mode: Mode, statuses: set[str], says: str
) -> None:
    automation = PARTIAL if mode == "partial" else Automation(mode)
    plane.serve("churn", CHURN, churn, automation=automation)
    described = openapi(plane.plane.endpoints["churn"].route)
    replies = described["paths"][PATH]["post"]["responses"]
    assert {status for status in replies if status < "300"} == statuses
    assert described["info"]["description"] == says


def test_a_condition_holds_for_the_same_rows_however_they_are_batched(
    plane: PlaneInProcess,
) -> None:
    plane.serve("churn", CHURN, churn, automation=PARTIAL)
    rows = [OLD, YOUNG, ODD] * 5
    together = [row["decided_by"] for row in rows_of(plane, *rows)[1]]
    alone = [rows_of(plane, row)[1][0]["decided_by"] for row in rows]
    assert together == alone
    outputs = [frame.outputs for frame in plane.frames if frame.outputs is not None]
    assert np.isfinite(concat(outputs).column("probabilities").astype(float)).all()
