"""How far apart two samples are that were counted over the same bins."""

from __future__ import annotations

import sys

import numpy as np

from fairlead.stats.homogeneity import Counts, Test

SMOOTHING = 0.5
NORMAL_IQR = 1.3489795


def psi(a: Counts, b: Counts) -> float:
    """Population stability index: sum (p - q) ln(p / q), with half a row added to every bin.

    The symmetric Kullback-Leibler divergence (Jeffreys (1946)). Of a shift by d standard
    deviations of normal values it is d^2. Above 0 by chance alone: see `psi_null_mean`.

    Args:
        a: counts of one sample, shape (bins,).
        b: of the other.

    Example:
        >>> round(psi(np.array([50.0, 50.0]), np.array([60.0, 40.0])), 3)
        0.04
    """
    p, q = _shares(a + SMOOTHING), _shares(b + SMOOTHING)
    return float(np.sum((p - q) * np.log(p / q)))


def psi_null_mean(bins: int, rows_a: float, rows_b: float) -> float:
    """What PSI is on average where nothing moved: (bins - 1) (1 / n + 1 / m).

    Yurdakul (2018), "Statistical properties of population stability index".

    Example:
        >>> round(psi_null_mean(10, 5000, 500), 4)
        0.0198
    """
    return (bins - 1) * (1.0 / rows_a + 1.0 / rows_b)


def psi_test(a: Counts, b: Counts) -> Test:
    """PSI against its distribution where nothing moved: (1 / n + 1 / m) chi-square(bins - 1).

    Yurdakul (2018), "Statistical properties of population stability index". Bins are to be
    pooled.

    Returns:
        The statistic is PSI itself.

    Example:
        >>> round(psi_test(np.array([500.0, 500.0]), np.array([600.0, 400.0])).p_value, 6)
        7e-06
    """
    from scipy.special import chdtrc

    statistic, degrees = psi(a, b), len(a) - 1
    if degrees < 1 or not a.sum() or not b.sum():
        return Test(0.0, 0, 1.0)
    unit = psi_null_mean(2, float(a.sum()), float(b.sum()))
    return Test(statistic, degrees, float(chdtrc(degrees, statistic / unit)))


def kolmogorov_smirnov(a: Counts, b: Counts) -> Test:
    """The largest gap between two distribution functions, seen at the edges of ordered bins.

    D = max |F - G|; p from Kolmogorov's distribution of sqrt(n m / (n + m)) D, which is on the
    safe side, as gaps inside of bins are not seen. Smirnov (1939).

    Args:
        a: counts of one sample over bins in order, shape (bins,).
        b: of the other.

    Example:
        >>> kolmogorov_smirnov(np.array([5.0, 5.0, 0.0]), np.array([0.0, 5.0, 5.0])).statistic
        0.5
    """
    from scipy.special import kolmogorov

    rows_a, rows_b = float(a.sum()), float(b.sum())
    if not rows_a or not rows_b:
        return Test(0.0, 0, 1.0)
    gap = float(np.abs(np.cumsum(a) / rows_a - np.cumsum(b) / rows_b).max())
    scaled = np.sqrt(rows_a * rows_b / (rows_a + rows_b)) * gap
    return Test(gap, 1, float(kolmogorov(scaled)))


def jensen_shannon(a: Counts, b: Counts) -> float:
    """Jensen-Shannon distance: the root of the mean divergence, in nats, from the mixture.

    sqrt((KL(p | m) + KL(q | m)) / 2), m = (p + q) / 2, in 0..sqrt(ln 2). Lin (1991), "Divergence
    measures based on the Shannon entropy"; agrees with `scipy.spatial.distance.jensenshannon`.

    Example:
        >>> round(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) ** 2, 4)
        0.6931
    """
    if not a.sum() or not b.sum():
        return 0.0
    p, q = _shares(a), _shares(b)
    middle = (p + q) / 2.0
    return float(np.sqrt(max(0.0, (_divergence(p, middle) + _divergence(q, middle)) / 2.0)))


def wasserstein(edges: Counts, a: Counts, b: Counts) -> float:
    """Area between two distribution functions, in robust standard deviations of the first.

    integral |F - G| dx / (IQR / 1.349), F and G straight lines between the edges. The outermost
    bins are left out where there are more than four, and what lies beyond the edges counts at
    them: one outlier neither hides a shift nor makes one. Vallender (1974).

    Args:
        edges: of the bins, rising, shape (bins + 1,).
        a: counts of the reference: under the first edge, per bin, over the last edge, shape
            (bins + 2,).
        b: of the other sample.

    Returns:
        0 where there is nothing to compare; a mere shift by d IQR / 1.349 gives about d.

    Example:
        >>> edges = np.array([0.0, 1.0, 2.0, 3.0])
        >>> a, b = np.array([0.0, 8.0, 8.0, 0.0, 0.0]), np.array([0.0, 0.0, 8.0, 8.0, 0.0])
        >>> round(wasserstein(edges, a, b), 3)
        1.349
    """
    if len(edges) < 2 or edges[0] == edges[-1] or not a.sum() or not b.sum():
        return 0.0
    edges = edges / np.abs(edges).max()  # differences of the largest numbers are none
    first, second = np.cumsum(a)[:-1] / a.sum(), np.cumsum(b)[:-1] / b.sum()
    quarters = np.interp([0.25, 0.75], first, edges)
    scale = float(quarters[1] - quarters[0]) / NORMAL_IQR or float(edges[-1] - edges[0])
    inner = slice(1, -1) if len(edges) > 5 else slice(None)
    widths, gaps = np.diff(edges[inner]), (first - second)[inner]
    area = float(np.sum(widths * _mean_abs(gaps[:-1], gaps[1:])))
    return min(area / max(scale, sys.float_info.min), sys.float_info.max)


def _mean_abs(left: Counts, right: Counts) -> Counts:
    """Mean of |x| along straight lines from left to right."""
    mean = np.abs(left + right) / 2.0
    crossing = left * right < 0.0
    apart = np.where(crossing, np.abs(left - right), 1.0)
    return np.where(crossing, (left * left + right * right) / (2.0 * apart), mean)


def _divergence(p: Counts, q: Counts) -> float:
    held = p > 0.0
    return float(np.sum(p[held] * np.log(p[held] / q[held])))


def _shares(counts: Counts) -> Counts:
    shares: Counts = counts / counts.sum()
    return shares
