"""How many rows a model answers within a time: by what many rows take, not by one."""

from __future__ import annotations

import sys
from typing import cast

import numpy as np
import pytest

from fairlead.clock import ManualClock
from fairlead.runners import Runner
from fairlead.runners.pace import rows_within
from fairlead.signature import Batch

LIMIT_S = 0.001


class Paced:
    """Takes a time for each call, and another for each row."""

    def __init__(self, clock: ManualClock, call_s: float, row_s: float) -> None:
        self.blocking = False
        self._clock, self._call_s, self._row_s = clock, call_s, row_s
        self.asked: list[int] = []

    def predict(self, batch: Batch) -> Batch:
        self.asked.append(batch.rows)
        self._clock.advance(self._call_s + self._row_s * batch.rows)
        return batch


def rows(count: int) -> Batch:
    return Batch(count, ("x",), np.arange(count, dtype=np.float64).reshape(-1, 1), {})


@pytest.mark.parametrize(
    ("call_s", "row_s", "expected"),
    [
        (0.0, 13e-6, 76),  # a forest: many rows take as much longer as there are more of them
        (500e-6, 1e-6, 500),  # a pipeline in Python: a call costs more than hundreds of rows
        (900e-6, 200e-6, 0),  # not even one row
        (0.0, 900e-6, 1),
    ],
)
def test_it_is_judged_by_what_many_rows_take(call_s: float, row_s: float, expected: int) -> None:
    clock = ManualClock()
    runner = Paced(clock, call_s, row_s)
    found = rows_within(LIMIT_S, cast(Runner, runner), rows(7), clock)
    assert abs(found - expected) <= 1
    assert (found == 0) == (expected == 0)


def test_one_whose_time_no_row_adds_to_has_no_limit() -> None:
    clock = ManualClock()
    runner = Paced(clock, 300e-6, 0.0)
    assert rows_within(LIMIT_S, cast(Runner, runner), rows(300), clock) == sys.maxsize


def test_one_in_another_process_has_no_place_on_a_loop_and_a_slow_one_is_not_asked_much() -> None:
    clock = ManualClock()
    blocking, slow = Paced(clock, 0.0, 1e-6), Paced(clock, 0.5, 0.5)
    blocking.blocking = True
    for runner in blocking, slow:
        assert rows_within(LIMIT_S, cast(Runner, runner), rows(7), clock) == 0
        assert set(runner.asked) == {1}
