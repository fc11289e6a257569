"""Callers poll for what a person decides, with a key for the endpoint, and hold up no loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.access import Gate, KeyBook, Scope
from fairlead.clock import ManualClock, SystemClock
from fairlead.errors import StorageError
from fairlead.ids import IdSource
from fairlead.review.types import Task
from fairlead.routing import Automation
from fairlead.serving.openapi import openapi
from fairlead.store.memory import MemoryStore
from support.plane import PlaneInProcess
from support.scoring import CHURN, churn

DAY_US = 86_400_000_000
ID = IdSource(ManualClock()).one()
OPEN = Task(
    id=ID, endpoint="churn", queue="desk", version="churn:1", created_us=1_000_000,
    inputs={"age": 3}, guess={"label": "left", "probabilities": [0.9, 0.1]}, mode="partial",
)  # fmt: skip
DECIDED: dict[str, Any] = {"decision": "stayed", "decided_by": "ann", "decided_us": 1_234_567}
PENDING = {"id": ID, "endpoint": "churn", "decided_by": "pending", "decision": None,
           "decided_at": None}  # fmt: skip


class Tasks:
    """Finds tasks, in the threads that it notes."""

    def __init__(self) -> None:
        self.by_id: dict[str, Task] = {}
        self.threads: set[str] = set()
        self.fault: Exception | None = None

    def find(self, prediction: str) -> Task | None:
        self.threads.add(threading.current_thread().name)
        if self.fault is not None:
            raise self.fault
        return self.by_id.get(prediction)


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def plane(tmp_path: Path, tasks: Tasks) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path, find=tasks.find) as plane:
        yield plane


def test_a_decision_is_told_when_it_is_final_and_not_before(
    plane: PlaneInProcess, tasks: Tasks
) -> None:
    final = {**PENDING, "decided_by": "person", "decision": "stayed",
             "decided_at": "1970-01-01T00:00:01.234Z"}  # fmt: skip
    decided = replace(OPEN, **DECIDED)
    for task, told in (
        (OPEN, PENDING), (decided, PENDING), (replace(decided, delivered_us=2_000_000), final),
    ):  # fmt: skip
        tasks.by_id[ID] = task
        got = plane.ask(f"/v1/predictions/{ID}")
        assert (got.status, got.json) == (200, told)


@pytest.mark.parametrize("delivered_us", [None, 2_000_000])
def test_of_what_the_model_decided_its_own_answer_is_told_whoever_looks_at_it(
    plane: PlaneInProcess, tasks: Tasks, delivered_us: int | None
) -> None:
    tasks.by_id[ID] = replace(OPEN, reason="audit", delivered_us=delivered_us, **DECIDED)
    assert plane.ask(f"/v1/predictions/{ID}").json == {
        "id": ID, "endpoint": "churn", "decided_by": "model", "decision": "left",
        "decided_at": "1970-01-01T00:00:01.000Z",
    }  # fmt: skip


@pytest.mark.parametrize("written", ["churn", "..%2f", "x" * 999])
def test_what_is_no_id_is_not_found(plane: PlaneInProcess, tasks: Tasks, written: str) -> None:
    tasks.by_id[ID] = OPEN
    got = plane.ask(f"/v1/predictions/{written}")
    assert (got.status, got.json["error"]["code"]) == (404, "not_found")
    assert plane.ask(f"/v1/predictions/{ID.upper()}").status == 200


@pytest.mark.parametrize(
    ("days", "code"),
    [(0, "not_listed"), (29.9, "not_listed"), (30.1, "not_found"), (-1, "not_found")],
)
def test_what_may_still_come_to_people_is_told_apart(
    plane: PlaneInProcess, days: float, code: str
) -> None:
    then = ManualClock(SystemClock().now_us() - round(days * DAY_US))
    asked = IdSource(then).one()
    got = plane.ask(f"/v1/predictions/{asked}")
    assert (got.status, got.json["error"]["code"]) == (404, code)
    assert "behind others" in got.json["error"]["hint"]
    of_a_job = f"{asked[:14]}8{asked[15:]}"
    got = plane.ask(f"/v1/predictions/{of_a_job}")
    assert got.json["error"]["code"] == "not_found", "files ask no person"


def test_the_store_is_read_beside_the_loop_and_its_failure_is_an_answer(
    plane: PlaneInProcess, tasks: Tasks
) -> None:
    tasks.by_id[ID] = OPEN
    assert plane.ask(f"/v1/predictions/{ID}").status == 200
    assert threading.current_thread().name not in tasks.threads
    for fault, status in ((StorageError("the store is gone"), 503), (RuntimeError("planted"), 500)):
        tasks.fault = fault
        got = plane.ask(f"/v1/predictions/{ID}")
        assert got.status == status
        assert b"planted" not in got.body


@pytest.mark.parametrize(
    ("scopes", "endpoints", "status"),
    [
        (("predict",), None, 200),
        (("predict",), ("churn", "other"), 200),
        (("predict",), ("other",), 404),
        (("feedback", "operate"), None, 403),
        ((), None, 401),
    ],
)
def test_only_a_key_for_the_endpoint_finds_its_predictions(
    tmp_path: Path, tasks: Tasks, scopes: tuple[Scope, ...], endpoints: tuple[str, ...] | None,
    status: int,
) -> None:  # fmt: skip
    book = KeyBook(MemoryStore(), SystemClock())
    shown = {}
    if scopes:
        _, secret = book.create("shop", scopes, endpoints=endpoints)
        shown = {"x-api-key": secret}
    tasks.by_id[ID] = OPEN
    gate = Gate(book.get, SystemClock(), 1)
    with PlaneInProcess(tmp_path, gate=gate, find=tasks.find) as plane:
        got = plane.ask(f"/v1/predictions/{ID}", headers=shown)
        assert got.status == status, got.body
        missing = IdSource(ManualClock(5)).one()
        unknown = plane.ask(f"/v1/predictions/{missing}", headers=shown)
        assert unknown.status == (404 if status == 200 else status)
        assert status != 404 or unknown.json == got.json, "not even that it exists is told"


def test_its_description_tells_where_to_ask(plane: PlaneInProcess) -> None:
    plane.serve("churn", CHURN, churn)
    path = "/v1/predictions/{id}"
    assert path not in openapi(plane.plane.endpoints["churn"].route)["paths"]
    plane.serve("churn", CHURN, churn, automation=Automation("human"))
    told = openapi(plane.plane.endpoints["churn"].route)["paths"][path]["get"]["responses"]
    assert {"200", "404"} <= {*told}
