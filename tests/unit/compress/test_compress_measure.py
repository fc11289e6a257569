"""What a graph takes: times in turns, ratios with intervals, a new process."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.compress.measure import (
    Timed,
    cold_start,
    costs,
    measured_on,
    ratio,
    timed_graph,
    times,
)
from fairlead.errors import ModelError
from support.compress import network, rows

FEEDS = {"x": rows(80)[0].astype(np.float32)}


def test_a_larger_network_takes_more_of_everything() -> None:
    small, large = (network(width).SerializeToString() for width in (16, 4096))
    sizes, timed = zip(
        *((len(raw), timed_graph(raw, FEEDS)) for raw in (small, large)), strict=True
    )
    one, other = costs(sizes, timed, quick=True)
    assert one.size_bytes == len(small)
    assert one.size_bytes < other.size_bytes
    assert one.many_us < other.many_us
    assert 0.0 < one.one_us < other.one_us


def test_many_rows_are_asked_at_once_also_where_there_are_few() -> None:
    raw = network().SerializeToString()
    timed = timed_graph(raw, {"x": FEEDS["x"][:3]})
    answered = [call() for call in (timed.one, timed.many)]
    assert [np.shape(each[0]) for each in answered] == [(1,), (64,)]  # type: ignore[index]


def test_each_round_times_each_call() -> None:
    short, long = (Timed(lambda: None, lambda n=n: sum(range(n))) for n in (100, 10_000))  # type: ignore[misc]
    found = times([short, long], many=True)
    assert len(found[0]) == len(found[1]) >= 9
    assert min(found[0]) < min(found[1])


def test_a_ratio_lies_within_its_interval_and_outliers_do_not_move_it() -> None:
    ours = [1.0, 1.1, 0.9, 1.0, 1.0, 1.05, 0.95, 1.0, 30.0, 1.0, 1.0, 1.0]
    found = ratio([2.0] * 12, ours)
    assert found.value == 2.0
    assert 1.8 < found.low <= 2.0 <= found.high < 2.3


def test_a_new_process_answers_and_tells_what_it_took() -> None:
    found = cold_start(network().SerializeToString(), FEEDS)
    assert 0.0 < found["load_ms"] < found["cpu_ms"]
    assert 10.0 < found["memory_mb"] < 1000.0


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot load"):
        timed_graph(b"nothing", FEEDS)
    with pytest.raises(ModelError, match="did not answer"):
        cold_start(b"nothing", FEEDS)


def test_it_is_said_where_it_was_measured() -> None:
    assert set(measured_on()) == {"processor", "onnxruntime"}
    assert all(measured_on().values())
