"""How slow answers are is told from histograms, of enough requests, as the last minutes were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitoring.keeper import timed
from fairlead.monitoring.latency import (
    REQUESTS_MIN,
    STRETCH_US,
    Latencies,
    follow_on,
    latencies,
    middle,
    slowest,
)
from fairlead.monitoring.operations import Reading
from fairlead.serving.counters import LATENCY_EDGES_S
from fairlead.telemetry import Sample, counted
from fairlead.telemetry.types import Series

EDGES_S = (0.1, 1.0, 10.0)
MINUTE_US = 60_000_000
NONE = (0.0,) * 4


def at(minute: float, *counts: float) -> Latencies:
    return Latencies(round(minute * MINUTE_US), EDGES_S, counts or NONE)


def histogram(times_s: list[float]) -> tuple[float, ...]:
    places = np.searchsorted(LATENCY_EDGES_S, times_s)
    return tuple(map(float, np.bincount(places, minlength=len(LATENCY_EDGES_S) + 1)))


@settings(max_examples=100)
@given(st.lists(st.floats(0.0001, 29.0), min_size=REQUESTS_MIN, max_size=400))
def test_it_is_in_the_bucket_of_the_true_one_and_in_its_interval(times_s: list[float]) -> None:
    edges = (0.0, *LATENCY_EDGES_S)
    start = Latencies(0, LATENCY_EDGES_S, histogram([]))
    found = slowest([start, Latencies(MINUTE_US, LATENCY_EDGES_S, histogram(times_s))])
    assert found is not None
    assert found.requests == len(times_s)
    true_s = float(np.quantile(times_s, 0.99, method="inverted_cdf"))
    place = int(np.searchsorted(LATENCY_EDGES_S, true_s))
    assert edges[place] <= found.seconds.value <= edges[place + 1]
    assert found.seconds.low <= found.seconds.value <= found.seconds.high


def test_the_interval_holds_the_true_one_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(4), 0
    true_s = float(np.exp(-2 + 2.326))
    for _ in range(400):
        counts = histogram(np.exp(random.normal(-2, 1, 500)).tolist())
        start = Latencies(0, LATENCY_EDGES_S, histogram([]))
        found = slowest([start, Latencies(1, LATENCY_EDGES_S, counts)])
        assert found is not None
        held += found.seconds.low <= true_s <= found.seconds.high
    assert held / 400 > 0.93


def test_a_reading_keeps_how_long_answers_took_before_it() -> None:
    past = {"churn": (at(0), at(1, 60, 0, 40, 0)), "price": (at(0), at(1, 5, 0, 0, 0))}
    found = {name: Reading(7, 90, 100) for name in ("churn", "price", "idle")}
    told = timed(found, past)
    assert told["churn"].p50_s == middle(past["churn"])
    slow = slowest(past["churn"])
    assert slow is not None
    assert told["churn"].p99_s == slow.seconds.value > told["churn"].p50_s  # type: ignore[operator]
    assert (told["price"], told["idle"]) == (found["price"], found["idle"])


def test_of_few_requests_nothing_is_said() -> None:
    assert slowest([]) is None
    assert slowest([at(0), at(1, 0, 0, REQUESTS_MIN - 1, 0)]) is None
    assert slowest([at(0), at(1, 0, 0, REQUESTS_MIN, 0)]) is not None


def test_what_takes_longer_than_all_edges_is_told_as_the_last_of_them() -> None:
    found = slowest([at(0), at(1, 0, 0, 0, 100)])
    assert found is not None
    assert found.seconds.value == found.seconds.high == 10.0


def test_only_the_last_minutes_count() -> None:
    past: tuple[Latencies, ...] = ()
    for minute in range(20):
        past = follow_on(past, at(minute, 100 * minute, 0, 100, 0))
        assert past[-1].time_us - past[0].time_us <= STRETCH_US
    found = slowest(past)
    assert found is not None
    assert (found.requests, found.seconds.high <= 0.1) == (500, True)


def test_counters_that_were_lost_and_clocks_that_were_set_begin_anew() -> None:
    past = follow_on(follow_on((), at(0, 50, 0, 0, 0)), at(1, 60, 0, 0, 0))
    assert follow_on(past, at(2, 10, 0, 0, 0)) == (at(2, 10, 0, 0, 0),)
    assert follow_on(past, at(0.5, 55, 0, 0, 0)) == (at(0, 50, 0, 0, 0), at(0.5, 55, 0, 0, 0))


def test_all_that_answer_an_endpoint_count_together() -> None:
    def sample(arm: str, endpoint: str, *counts: float) -> Sample:
        labels = (("arm", arm), ("endpoint", endpoint))
        return Sample(Series("fairlead_request_seconds", labels, EDGES_S), (*counts, 9.9))

    samples = [
        sample("a", "churn", 1, 2, 3, 4), sample("b", "churn", 10, 20, 30, 40),
        sample("a", "price", 5, 0, 0, 0), counted("fairlead_requests_total", 7, endpoint="churn"),
    ]  # fmt: skip
    found = latencies(samples, 0)
    assert found == {"churn": at(0, 11, 22, 33, 44), "price": at(0, 5, 0, 0, 0)}


@pytest.mark.parametrize(("slow", "proven"), [(0, False), (1, False), (2, False), (30, True)])
def test_a_few_slow_ones_of_hundreds_are_no_proof(slow: int, proven: bool) -> None:
    found = slowest([at(0), at(5, 200 - slow, 0, slow, 0)])
    assert found is not None
    assert (found.seconds.low > 1.0) == proven
