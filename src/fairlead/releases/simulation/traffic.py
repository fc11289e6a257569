"""The traffic that a simulated release sees, made up or as the log had it, and faults planted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import ceil, exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from fairlead.errors import ConfigError, NotFoundError
from fairlead.releases.fold import on_trial, request

if TYPE_CHECKING:
    import polars as pl

HOURS = 24
REQUESTS_MIN = 100
POINTS = 1000
ROWS_MAX = 1_000_000
MOST = 1e9
SPREAD = 0.5
"""Of made-up times: of 100, 95 are below 2.3 times the median."""

_FAULT = re.compile(r"(error_rate|latency)=([+-]?)([0-9]{1,6}(?:\.[0-9]{1,4})?)(x|%)")
_FAULTS = "Faults are 'error_rate=3x', 'error_rate=10%' and 'latency=+20%'."


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint is asked, and how the stable version fares.

    Args:
        requests_per_h: in each hour of a day, or one number for all.
        failing: of the requests, how many are the first failure of their unit, 0 to 1.
        units: that ask in a day; None where each request is a unit of its own.
        latency_us: equally likely times in queue and model, rising.
    """

    requests_per_h: tuple[float, ...]
    failing: float
    units: float | None
    latency_us: tuple[float, ...]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a simulated candidate.

    Args:
        failing_factor: times the stable version's failures.
        failing: its failures, 0 to 1, whatever the stable version's are.
        latency_factor: times the stable version's times.
    """

    failing_factor: float = 1.0
    failing: float | None = None
    latency_factor: float = 1.0

    def rate(self, traffic: Traffic) -> float:
        """The candidate's failing share of requests."""
        told = traffic.failing * self.failing_factor if self.failing is None else self.failing
        return min(told, 1.0)


NO_FAULT = Fault()


def read_fault(text: str) -> Fault:
    """A fault as people write it.

    Raises:
        ConfigError: it cannot be read.

    Example:
        >>> fault = read_fault("error_rate=3x,latency=+20%")
        >>> fault.failing_factor, fault.latency_factor
        (3.0, 1.2)
    """
    fault = NO_FAULT
    for part in text.replace(" ", "").split(","):
        found = _FAULT.fullmatch(part)
        if found is None:
            raise ConfigError(f"'{part}' is no fault.", hint=_FAULTS)
        name, sign, number, unit = found.groups()
        fault = _with(fault, part, name, sign, float(number), unit)
    return fault


def _with(fault: Fault, part: str, name: str, sign: str, number: float, unit: str) -> Fault:
    if unit == "x" and not sign:
        factor = number
    elif unit == "%" and sign:
        factor = 1.0 + float(f"{sign}{number}") / 100.0
    elif unit == "%" and name == "error_rate" and number <= 100.0:
        return replace(fault, failing=number / 100.0)
    else:
        raise ConfigError(f"'{part}' is no fault.", hint=_FAULTS)
    if factor <= 0.0:
        raise ConfigError(f"'{part}' leaves nothing.", hint=_FAULTS)
    if name == "latency":
        return replace(fault, latency_factor=factor)
    return replace(fault, failing_factor=factor)


def make_traffic(
    requests_per_h: float = 10_000.0,
    *,
    failing: float = 0.01,
    units: float | None = None,
    latency_ms: float = 20.0,
) -> Traffic:
    """Traffic that is the same all day, with log-normal times.

    Args:
        requests_per_h: above 0, at most a billion, as all of these.
        failing: of the requests, how many are the first failure of their unit, 0 to 1.
        units: that ask in a day, above 0; None where each request is a unit of its own.
        latency_ms: the median time in queue and model.

    Raises:
        ConfigError: a number is outside of its domain.
    """
    told = (requests_per_h, latency_ms, 1.0 if units is None else units)
    if not all(0.0 < number <= MOST for number in told):
        raise ConfigError(
            f"Requests, units and times of simulated traffic have to be above 0, up to {MOST:g}."
        )
    if not 0.0 <= failing <= 1.0:
        raise ConfigError("The share of failing requests is not between 0 and 1.")
    middle, normal = log(latency_ms * 1e3), NormalDist()
    times = (exp(middle + SPREAD * normal.inv_cdf((i + 0.5) / POINTS)) for i in range(POINTS))
    return Traffic(
        requests_per_h=(requests_per_h,), failing=failing, units=units, latency_us=tuple(times)
    )


def traffic_of(rows: pl.LazyFrame, now_us: int) -> Traffic:
    """The traffic of an endpoint's last day, as its log has it.

    Hours before the first row are taken to be as the others are. Of a large log a sample of the
    units is looked at.

    Args:
        rows: of the log.
        now_us: the end of the day, microseconds since 1970.

    Raises:
        NotFoundError: the log holds too little of the day.
    """
    import polars as pl

    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    lately = rows.filter(
        on_trial(), pl.col("time") > now - timedelta(hours=HOURS), pl.col("time") <= now
    )
    many = lately.select(pl.len()).collect(engine="streaming").item()
    times = max(1, ceil(many / ROWS_MAX))
    took_us = pl.col("queue_us") + pl.col("model_us")  # of what a model answered
    asked = (
        lately.with_columns(request=request())
        .filter(pl.coalesce("unit", "request").hash() % times == 0)
        .group_by("request", "role")
        .agg(
            pl.col("unit").first(),
            pl.col("time").min(),
            took_us=took_us.filter(pl.col("source") == "live").first(),
            failed=(pl.col("outcome") != "ok").any(),
        )
        .collect(engine="streaming")
    )
    stable = asked.filter(pl.col("role") == "stable")
    if stable.height < REQUESTS_MIN:
        raise NotFoundError(
            f"The log holds {stable.height} requests of the last day, too few to go by.",
            hint="Say what to expect with --requests and --error-rate.",
        )
    who = pl.coalesce("unit", "request")
    answered = stable.filter(~pl.col("failed"))["took_us"].drop_nulls().to_numpy()
    places = (np.arange(POINTS) + 0.5) / POINTS
    hours = _by_hour(asked["time"].dt.epoch("us").to_numpy(), now_us)
    return Traffic(
        requests_per_h=tuple(times * hour for hour in hours),
        failing=stable.filter("failed").select(who.n_unique()).item() / stable.height,
        units=times * asked.select(who.n_unique()).item() if asked["unit"].count() else None,
        latency_us=tuple(np.quantile(answered, places).tolist()) if answered.size else (1.0,),
    )


def _by_hour(times_us: npt.NDArray[np.int64], now_us: int) -> tuple[float, ...]:
    """Requests in each hour since 24 hours ago."""
    ago_h = (now_us - times_us) / 3.6e9
    oldest_h = float(ago_h.max())
    if oldest_h < 1.0:
        return (times_us.size / max(oldest_h, 1.0 / 60.0),)
    known = int(oldest_h)  # of the hour before only a part
    counts = np.bincount(ago_h.astype(np.int64), minlength=HOURS)[:known].astype(np.float64)
    filled = [*counts, *[counts.mean()] * (HOURS - known)]
    return tuple(float(count) for count in reversed(filled))
