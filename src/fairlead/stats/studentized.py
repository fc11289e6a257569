"""The difference of two statistics of the same rows, with ends that each hold their chance."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.stats.domain import check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate
from fairlead.stats.weighted import Numbers, Statistic, Values, value_of

LINES, LINES_MIN = 1000, 200
"""Resamples, and units to leave out one by one; fewer of very many rows."""
BEYOND = 10
"""Resamples that are to lie beyond each end."""
CELLS_MAX = 5_000_000
CHUNK_CELLS = 1 << 20

Places = npt.NDArray[np.intp]


def studentized_pair(
    ours: Statistic,
    theirs: Statistic,
    rows: int,
    *,
    seed: int,
    confidence: float = CONFIDENCE,
    units: Values | None = None,
) -> Estimate | None:
    """Measure ours - theirs, with the wider of bootstrap-t and Student's interval at each end.

    The jackknife gives each unit's influence, those the standard error, of the difference and of
    every resample. The quantiles of the studentized resamples follow skewness, where percentiles
    and Student's do not; of heavy tails that cancel in a pair they are too sure, where Student's
    is not. So each end is the further one. Efron and Tibshirani (1993), "An introduction to the
    bootstrap", chapters 11 and 12.

    Args:
        ours: statistic of row weights (see `fairlead.stats.weighted`).
        theirs: the same of other answers to the same rows.
        rows: how many there are, at least two.
        seed: the same seed gives the same draws.
        confidence: between 0 and 1; either end has half of what is missing to 1.
        units: whose row each is, shape (rows,), if rows of one are alike: they are drawn together.

    Returns:
        None where a statistic is undefined, also without one of the units, or where resamples
        say nothing because too few units differ.

    Raises:
        ConfigError: there are fewer than two rows, or the units are not one for each.

    Example:
        >>> from fairlead.stats.weighted import mean
        >>> x = np.arange(100.0)
        >>> one = studentized_pair(mean(np.sqrt(x)), mean(x), 100, seed=1)
        >>> round(one.low, 1), round(one.value, 1), round(one.high, 1)
        (-48.3, -42.9, -37.6)
    """
    check_share("confidence", confidence)
    if rows < 2:
        raise ConfigError(f"There are {rows} rows to resample.", hint="Give at least two.")
    generator = np.random.Generator(np.random.PCG64(seed))
    places = _places(rows, units, generator)
    count = int(places.max()) + 1
    with np.errstate(all="ignore"):
        value = value_of(ours, rows) - value_of(theirs, rows)
        influence = _influence(ours, theirs, places, count, value)
        if count < 2 or not np.isfinite(influence).all() or not np.isfinite(value):
            return None
        error = sqrt(float(influence @ influence) / (count - 1) / count)
        if error <= 1e-12 * abs(value) or error == 0.0:
            return Estimate(value, value, value)
        tail = (1.0 - confidence) / 2.0
        pivots = _pivots(ours, theirs, places, influence, value, tail, generator)
    return _ends(value, error, pivots, count, tail)


def _places(rows: int, units: Values | None, generator: np.random.Generator) -> Places:
    """Which bundle of units each row is drawn with: more than many are not drawn one by one."""
    if units is None:
        places: Places = np.arange(rows)
    elif np.shape(units) == (rows,):
        places = np.unique(np.asarray(units), return_inverse=True)[1]
    else:
        raise ConfigError(
            f"The units have shape {np.shape(units)} for {rows} rows.",
            hint="Give one unit for each row.",
        )
    count = int(places.max()) + 1
    most = _lines(LINES, rows)
    return places if count <= most else generator.permutation(count)[places] % most


def _lines(wanted: int, rows: int) -> int:
    return min(wanted, max(LINES_MIN, CELLS_MAX // rows))


def _influence(
    ours: Statistic, theirs: Statistic, places: Places, count: int, value: float
) -> Numbers:
    """What each unit does to the difference: (n - 1) (all - without it), around their mean."""
    lines = max(1, CHUNK_CELLS // len(places))
    without = []
    for start in range(0, count, lines):
        left_out = np.arange(start, min(start + lines, count))
        weights = (places != left_out[:, None]).astype(np.float64)
        without.append(ours(weights) - theirs(weights))
    influence = (count - 1) * (value - np.concatenate(without))
    return np.asarray(influence - influence.mean())


def _pivots(
    ours: Statistic, theirs: Statistic, places: Places, influence: Numbers, value: float,
    tail: float, generator: np.random.Generator,
) -> Numbers:  # fmt: skip
    """How many of its own standard errors each resample lies from the value."""
    rows, count = len(places), len(influence)
    left = _lines(max(LINES, int(BEYOND / tail)), rows)
    found = []
    while left:
        lines = min(left, max(1, CHUNK_CELLS // rows))
        drawn = generator.integers(0, count, size=(lines, count))
        drawn += count * np.arange(lines)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=lines * count).reshape(lines, count)
        weights = counts[:, places].astype(np.float64)
        apart = ours(weights) - theirs(weights) - value
        mean = counts @ influence / count
        variance = counts @ np.square(influence) / count - np.square(mean)
        found.append(apart / np.sqrt(np.maximum(variance, 0.0) / (count - 1)))
        left -= lines
    pivots = np.concatenate(found)
    return np.asarray(pivots[~np.isnan(pivots)])


def _ends(value: float, error: float, pivots: Numbers, count: int, tail: float) -> Estimate | None:
    from scipy.special import stdtrit

    student = float(stdtrit(count - 1, 1.0 - tail))
    below, above = -student, student
    if pivots.size:
        below = min(below, float(np.quantile(pivots, tail, method="lower")))
        above = max(above, float(np.quantile(pivots, 1.0 - tail, method="higher")))
    if not np.isfinite(above - below):
        return None
    return Estimate(value, value - error * above, value - error * below)
