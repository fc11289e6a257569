"""Confidence intervals of any statistic of rows, by resampling them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.intervals import CONFIDENCE, Estimate, expanded_tail
from fairlead.stats.weighted import Numbers, Statistic, value_of

REPLICATES = 1000
REPLICATES_MIN = 200
DRAWS_MAX = 50_000_000
CHUNK_CELLS = 1 << 20


def bootstrap(
    statistics: Mapping[str, Statistic],
    rows: int,
    *,
    seed: int,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Measure statistics of rows, with expanded percentile intervals.

    Rows are drawn anew with replacement, as many as there are, 1000 times (fewer above 50 000
    rows, where the quantiles of fewer do, down to 200); all statistics see the same draws. The
    interval lies between the quantiles of the resampled values at `expanded_tail`. Efron (1979),
    "Bootstrap methods: another look at the jackknife".

    Args:
        statistics: by name; each takes weights of rows (see `fairlead.stats.weighted`).
        rows: how many there are, at least two.
        seed: the same seed gives the same draws.
        confidence: between 0 and 1.

    Returns:
        An estimate for each statistic whose value is finite; the others are left out. An
        interval always holds its own value. Resamples for which a statistic is undefined, as
        those without one of two classes, do not count.

    Raises:
        ConfigError: there are fewer than two rows.

    Example:
        >>> from fairlead.stats.weighted import mean
        >>> one = bootstrap({"mean": mean(np.arange(100.0))}, 100, seed=1)["mean"]
        >>> one.value, 42 < one.low < 46, 53 < one.high < 57
        (49.5, True, True)
    """
    named = _defined(statistics, rows)
    replicates = _resample([statistics[name] for name in named], rows, seed)
    return {
        name: _estimate(value, column, rows, confidence)
        for (name, value), column in zip(named.items(), replicates, strict=True)
    }


def bootstrap_pair(
    ours: Mapping[str, Statistic],
    theirs: Mapping[str, Statistic],
    rows: int,
    *,
    seed: int,
    confidence: float = CONFIDENCE,
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Measure statistics, and their difference to others of the same rows, paired.

    Both see the same draws, so that rows which are hard for both add no uncertainty.

    Args:
        ours: statistics by name.
        theirs: the same statistics of other answers to the same rows.
        rows: how many there are, at least two.
        seed: the same seed gives the same draws.
        confidence: between 0 and 1.

    Returns:
        Estimates of ours, and of ours - theirs for each name that is finite in both.

    Raises:
        ConfigError: there are fewer than two rows.

    Example:
        >>> from fairlead.stats.weighted import mean
        >>> x = np.arange(100.0)
        >>> _, apart = bootstrap_pair({"mean": mean(x + 1)}, {"mean": mean(x)}, 100, seed=1)
        >>> apart["mean"].value, round(apart["mean"].low, 6), round(apart["mean"].high, 6)
        (1.0, 1.0, 1.0)
    """
    mine = _defined(ours, rows)
    other = {name: value for name, value in _defined(theirs, rows).items() if name in mine}
    columns = _resample(
        [ours[name] for name in mine] + [theirs[name] for name in other], rows, seed
    )
    drawn = dict(zip(mine, columns, strict=False))
    opposed = dict(zip(other, columns[len(mine) :], strict=True))
    estimates = {n: _estimate(v, drawn[n], rows, confidence) for n, v in mine.items()}
    differences = {
        name: _estimate(mine[name] - value, drawn[name] - opposed[name], rows, confidence)
        for name, value in other.items()
    }
    return estimates, differences


def _defined(statistics: Mapping[str, Statistic], rows: int) -> dict[str, float]:
    if rows < 2:
        raise ConfigError(
            f"There are {rows} rows to resample.", hint="Give at least two; a hundred say more."
        )
    values = {name: value_of(statistic, rows) for name, statistic in statistics.items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _resample(statistics: Sequence[Statistic], rows: int, seed: int) -> Numbers:
    """The statistics of every resample, shape (statistics, replicates)."""
    with np.errstate(all="ignore"):
        chunks = [
            np.array([statistic(weights) for statistic in statistics])
            for weights in (_weights(rows, seed) if statistics else ())
        ]
    return np.concatenate(chunks, axis=1) if chunks else np.empty((0, 0))


def _weights(rows: int, seed: int) -> Iterator[Numbers]:
    """How often each row was drawn, some replicates at a time, in bounded memory."""
    generator = np.random.Generator(np.random.PCG64(seed))
    left = min(REPLICATES, max(REPLICATES_MIN, DRAWS_MAX // rows))
    while left:
        lines = min(left, max(1, CHUNK_CELLS // rows))
        drawn = generator.integers(0, rows, size=(lines, rows))
        drawn += rows * np.arange(lines)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=lines * rows)
        yield counts.reshape(lines, rows).astype(np.float64)
        left -= lines


def _estimate(value: float, replicates: Numbers, rows: int, confidence: float) -> Estimate:
    defined = replicates[np.isfinite(replicates)]
    if not defined.size:
        return Estimate(value, value, value)
    tail = expanded_tail(rows, confidence)
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Estimate(value, min(float(low), value), max(float(high), value))
