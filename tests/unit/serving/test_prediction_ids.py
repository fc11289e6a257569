"""Protocols whose bodies have no place for prediction ids name them in a header."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.ids import Ids
from fairlead.serving.message import Response
from fairlead.serving.protocols.scoring.answers import with_ids
from fairlead.serving.types import Answer, Answered, Outputs, Part, Source
from fairlead.signature import Batch
from support.plane import PlaneInProcess
from support.scoring import PRICE, price

HEADER = "fairlead-prediction-id"
ROW = [1, 2]
ASKED = {
    "/invocations": {"inputs": [ROW, ROW]},
    "/endpoints/price/invocations": {"inputs": [ROW, ROW]},
    "/v1/models/price:predict": {"instances": [ROW, ROW]},
    "/v1/models/price:regress": {"examples": [{"rooms": 1, "area": 2}] * 2},
}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("price", PRICE, price)
        yield plane


@pytest.mark.parametrize("path", ASKED)
def test_each_row_of_an_answer_is_named_as_on_the_log(plane: PlaneInProcess, path: str) -> None:
    got = plane.ask(path, ASKED[path])
    assert got.status == 200, got.body
    named = [uuid.UUID(text).bytes for text in got.headers[HEADER].split(",")]
    assert len(named) == 2
    assert named == plane.frames[0].ids


@pytest.mark.parametrize("rows", [0, 101])
def test_what_no_header_can_hold_is_left_out(plane: PlaneInProcess, rows: int) -> None:
    got = plane.ask("/invocations", {"inputs": [ROW] * rows})
    assert got.status == 200, got.body
    assert HEADER not in got.headers


def test_rows_of_several_arms_are_named_in_the_requests_order() -> None:
    outputs = Outputs(Source("a", "m:1"), (), Batch(4, (), np.empty((4, 0)), {}), ())
    parts = tuple(
        Part(places, Ids(bytes(10), low, 2), Answered(outputs, 0, 0.0, 0.0))
        for places, low in (([3, 0], 16), ([1, 2], 32))
    )
    response = with_ids(lambda _: Response(200, b""))(Answer("m", 1, 4, parts))
    last = [text[-2:] for text in dict(response.headers)[HEADER.encode()].decode().split(",")]
    assert last == ["11", "20", "21", "10"]
