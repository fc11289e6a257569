"""What was asked lately is remembered, as far as it is on the log, to warm what is new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.errors import StorageError
from fairlead.serving import sink as module
from support.plane import PlaneInProcess
from support.scoring import PRICE, price

PATH = "/v1/endpoints/price/predict"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("price", PRICE, price)
        yield plane


def ask(plane: PlaneInProcess, area: float) -> None:
    assert plane.ask(PATH, {"rows": [{"rooms": 2, "area": area}]}).status == 200


def areas(plane: PlaneInProcess) -> list[float]:
    return [float(batch.numbers[0, 1]) for batch in plane.sink.recent("price")]


def test_the_last_requests_are_remembered_by_endpoint(
    plane: PlaneInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for area in (1.0, 2.0, 3.0):
        ask(plane, area)
    assert areas(plane) == [1.0, 2.0, 3.0]
    assert plane.sink.recent("other") == []
    monkeypatch.setattr(module, "RECENT_BYTES", 10)
    ask(plane, 4.0)
    assert areas(plane) == [1.0, 2.0, 3.0], "large ones are not"


def test_so_many_of_all_endpoints(plane: PlaneInProcess) -> None:
    for area in range(module.RECENT_FRAMES + 3):
        ask(plane, float(area))
    assert areas(plane) == [float(area) for area in range(3, module.RECENT_FRAMES + 3)]


def test_what_is_not_on_the_log_is_not(
    plane: PlaneInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: bytes) -> None:
        raise StorageError("no space")

    monkeypatch.setattr(plane.sink._journal, "append", full)
    ask(plane, 1.0)
    assert areas(plane) == []
