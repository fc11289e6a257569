"""Where a person decides, callers get ids and nobody gets an answer, whatever the model does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.errors import StorageError, UnavailableError
from fairlead.ids import text
from fairlead.routing import Automation, Mode
from fairlead.serving.openapi import openapi
from fairlead.signature import Batch
from support.plane import PlaneInProcess
from support.scoring import PRICE, price

PATH = "/v1/endpoints/price/predict"
ROWS = {"rows": [{"rooms": 2, "area": n} for n in range(1, 9)]}
BESIDE: dict[str, Any] = {"automation": Automation("shadow", queue="risk"), "role": "shadow"}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        yield plane


def fails(_: Batch) -> Batch:
    raise RuntimeError("planted")


def unfit(batch: Batch) -> Batch:
    """Answers what no log can hold."""
    answers = np.full(batch.rows, {1j}, dtype=object)
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), {"price": answers})


@pytest.mark.parametrize(
    ("model", "outcome"), [(price, "ok"), (fails, "model_error"), (unfit, "model_error")]
)
@pytest.mark.parametrize("arm", ["", "shadow"])
def test_callers_get_the_ids_under_which_rows_are_on_the_log(
    plane: PlaneInProcess, model: object, outcome: str, arm: str
) -> None:
    plane.serve("price", PRICE, model, **BESIDE)  # type: ignore[arg-type]
    got = plane.ask(PATH, ROWS, {"fairlead-arm": arm} if arm else {})
    (frame,) = plane.frames
    assert (frame.role, frame.outcome) == ("shadow", outcome)
    assert got.status == 202
    assert got.json == {
        "endpoint": "price", "revision": 1,
        "predictions": [{"id": text(raw), "decided_by": "pending"} for raw in frame.ids],
    }  # fmt: skip
    assert frame.decided_by == ["pending"] * len(frame.ids)
    assert "fairlead-route" not in got.headers


def test_a_wish_for_another_form_gets_the_same_reply(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, **BESIDE)
    table = "rooms,area\n2,1\n2,2\n"
    got = plane.ask(PATH, table.encode(), {"content-type": "text/csv", "accept": "text/csv"})
    assert (got.status, len(got.json["predictions"])) == (202, 2)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/price:predict", {"instances": [{"rooms": 2, "area": 1}]}),
        ("/invocations", {"dataframe_records": [{"rooms": 2, "area": 1}]}),
        ("/endpoints/price/invocations", {"instances": [{"rooms": 2, "area": 1}]}),
        (
            "/v2/models/price/infer",
            {
                "inputs": [
                    {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [2.0]}
                    for name in ("rooms", "area")
                ]
            },
        ),
    ],
)
def test_protocols_that_know_answers_alone_say_that_a_person_decides(
    plane: PlaneInProcess, path: str, body: object
) -> None:
    plane.serve("price", PRICE, price)
    assert plane.ask(path, body, {"content-type": "application/json"}).status == 200
    plane.serve("price", PRICE, price, **BESIDE)
    plane.frames.clear()
    got = plane.ask(path, body, {"content-type": "application/json"})
    assert got.status == 409
    assert b"A person decides every row here (mode 'shadow')" in got.body
    assert not plane.frames


@pytest.mark.parametrize("error", [StorageError("the disk is full"), UnavailableError("busy")])
def test_what_is_not_on_the_log_has_no_id(
    plane: PlaneInProcess, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    plane.serve("price", PRICE, price, **BESIDE)

    def full(_: object) -> None:
        raise error

    monkeypatch.setattr(plane.sink, "predictions", full)
    if isinstance(error, UnavailableError):
        monkeypatch.setattr(plane.plane.endpoints["price"].arms[0], "submit", full)
    got = plane.ask(PATH, ROWS)
    assert (got.status, "predictions" in got.json) == (503, False)


def test_callers_see_who_decides(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price)
    assert "mode" not in plane.ask("/v1/endpoints/price").json
    plane.serve("price", PRICE, price, **BESIDE)
    assert plane.ask("/v1/endpoints/price").json["mode"] == "shadow"


def test_its_description_tells_of_the_ids(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, **BESIDE)
    route = plane.plane.endpoints["price"].route
    described = openapi(route)
    replies = described["paths"][PATH]["post"]["responses"]
    assert "202" in replies
    assert "200" not in replies
    assert described["info"]["description"] == "A person decides every row."


@pytest.mark.parametrize("mode", ["full", "human", "shadow"])
def test_without_rows_the_reply_is_the_same_as_with_some(plane: PlaneInProcess, mode: Mode) -> None:
    plane.serve("price", PRICE, price, automation=Automation(mode))
    asked = {"content-type": "application/json"}
    assert plane.ask(PATH, {"rows": []}).status == 400
    assert plane.ask(PATH, {"columns": {"rooms": [], "area": []}}).status == 400
    bodies = {"/v1/models/price:predict": "instances", "/invocations": "dataframe_records"}
    for path, key in bodies.items():
        assert plane.ask(path, {key: []}, asked).status == (200 if mode == "full" else 409)
        if mode == "full":
            assert plane.ask(path, {key: []}, asked | {"fairlead-arm": "nobody"}).status == 404
    assert not plane.frames
