"""The traffic of simulated releases: what the log says of the last day, and what is made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairlead.errors import NotFoundError
from fairlead.releases.simulation import traffic as module
from fairlead.releases.simulation.traffic import Traffic, make_traffic, traffic_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)


def row(number: int, ago_h: float, **more: Any) -> dict[str, Any]:
    told = {
        "id": f"01890000-0000-7000-{number:04x}-000000000000",
        "time": NOW - timedelta(hours=ago_h),
        "role": "stable",
        "assigned_by": "hash",
        "source": "live",
        "outcome": "ok",
        "unit": None,
        "queue_us": 1_000,
        "model_us": 9_000,
    }
    return told | more


def of(*rows: dict[str, Any]) -> Traffic:
    return traffic_of(pl.LazyFrame([*rows], schema_overrides={"unit": pl.String}), NOW_US)


def test_each_hour_of_the_day_has_the_requests_that_it_had() -> None:
    busy = [row(n, 0.5) for n in range(200)]
    quiet = [row(1_000 + n, 1.5) for n in range(20)]
    traffic = of(*busy, *quiet, *(row(5_000 + n, 23.2) for n in range(9)))
    assert traffic.requests_per_h[-2:] == (20.0, 200.0)
    assert traffic.requests_per_h[1:-2] == (0.0,) * 21
    assert traffic.requests_per_h[0] == pytest.approx(220 / 23)  # that hour is known in part


def test_before_the_first_request_the_day_is_taken_to_be_as_after_it() -> None:
    traffic = of(*(row(n, 3.0 * n / 600) for n in range(600)), row(999, 3.1))
    assert traffic.requests_per_h == pytest.approx((200.0,) * 24)


def test_less_than_an_hour_is_stretched_to_one() -> None:
    assert of(*(row(n, 0.5 * n / 300) for n in range(301))).requests_per_h == pytest.approx((602,))


def test_of_a_unit_one_failure_counts_and_of_a_request_one_row() -> None:
    rows = [row(n, 1.0, unit=f"u{n % 50}") for n in range(200)]
    rows += [row(n, 1.0, unit="u1", outcome="model_error") for n in range(200, 210)]
    rows += [row(5, 1.0, unit="u5") | {"id": rows[5]["id"][:-2] + "01"}]
    traffic = of(*rows)
    assert (traffic.failing, traffic.units) == (1 / 210, 50)


def test_what_a_cache_answered_is_traffic_and_tells_nothing_of_times() -> None:
    hits = [row(n, 1.0, source="cache", queue_us=20, model_us=0) for n in range(200)]
    traffic = of(*hits, *(row(n, 1.0) for n in range(200, 300)))
    assert min(traffic.latency_us) == 10_000
    assert of(*(row(n, 1.0) for n in range(300))).requests_per_h == traffic.requests_per_h


def test_requests_without_a_unit_are_units_of_their_own() -> None:
    rows = [row(n, 1.0, outcome="ok" if n % 10 else "timeout") for n in range(200)]
    traffic = of(*rows)
    assert (traffic.failing, traffic.units) == (0.1, None)


def test_times_are_those_of_what_was_answered() -> None:
    rows = [row(n, 1.0, queue_us=0, model_us=1_000 * (n + 1)) for n in range(200)]
    rows += [row(900, 1.0, model_us=10**9, outcome="timeout")]
    times = np.array(of(*rows).latency_us)
    assert (np.diff(times) >= 0).all()
    assert np.quantile(times, [0.5, 0.95]) == pytest.approx([100_500, 190_000], rel=0.01)


def test_who_was_not_assigned_and_who_tried_another_version_says_nothing_of_it() -> None:
    rows = [row(n, 1.0) for n in range(150)]
    other = [
        row(900, 1.0, assigned_by="override", outcome="model_error"),
        row(901, 1.0, role="shadow", outcome="model_error"),
        row(902, 1.0, source="batch", outcome="model_error"),
        row(903, 30.0, outcome="model_error"),
        row(904, 1.0, role="candidate", outcome="model_error"),
    ]
    assert of(*rows, *other).failing == 0.0


def test_of_a_large_log_a_sample_of_the_units_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(n, 3.0 * n / 9_000, unit=f"u{n % 3_000}") for n in range(9_000)]
    rows += [row(9_999, 3.1)]
    whole = of(*rows)
    monkeypatch.setattr(module, "ROWS_MAX", 3_000)
    part = of(*rows)
    assert part != whole, "a quarter of it"
    assert sum(part.requests_per_h) == pytest.approx(sum(whole.requests_per_h), rel=0.15)
    assert whole.units is not None
    assert part.units == pytest.approx(whole.units, rel=0.15)


def test_too_little_to_go_by_is_refused() -> None:
    with pytest.raises(NotFoundError, match="99 requests"):
        of(*(row(n, 1.0) for n in range(99)))


def test_made_up_times_have_the_median_that_was_told() -> None:
    times = np.array(make_traffic(latency_ms=40.0).latency_us)
    assert np.quantile(times, [0.5, 0.95]) == pytest.approx([40_000, 91_000], rel=0.01)
