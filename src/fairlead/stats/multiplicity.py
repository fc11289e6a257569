"""What is left of many tests' evidence when all are looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: those at most q are false, on average, in a share of at most q.

    min over j >= i of N p_(j) / j. Where nothing is true, the chance that any is at most q is q.
    Benjamini and Hochberg (1995), "Controlling the false discovery rate".

    Args:
        p_values: of independent or positively dependent tests.

    Returns:
        Adjusted values in the order of the tests.

    Example:
        >>> [round(p, 4) for p in benjamini_hochberg([0.01, 0.02, 0.9])]
        [0.03, 0.03, 0.9]
    """
    p, order = _sorted(p_values)
    scaled = p * len(p) / np.arange(1, len(p) + 1)
    return _in_place(np.minimum.accumulate(scaled[::-1])[::-1], order)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the chance that any false one is at most q is q, however they depend.

    max over j <= i of (N - j + 1) p_(j). Holm (1979), "A simple sequentially rejective multiple
    test procedure".

    Example:
        >>> [round(p, 4) for p in holm([0.01, 0.02, 0.9])]
        [0.03, 0.04, 0.9]
    """
    p, order = _sorted(p_values)
    return _in_place(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), order)


def e_bh(e_values: Sequence[float], threshold: float) -> list[int]:
    """Places of the e-values that stand when all N are looked at, however they depend.

    The k largest, for the largest k with k e_(k) / N >= threshold. Then the mean of all is at
    least the threshold too, so that of e-detectors the time between false alarms holds for all
    of them together. Wang and Ramdas (2022), "False discovery rate control with e-values".

    Args:
        e_values: each of mean at most 1 where nothing is true.
        threshold: one over the false discovery rate.

    Example:
        >>> e_bh([100.0, 1.0, 70.0, 0.0], 20.0)
        [0, 2]
    """
    e = np.asarray(e_values, dtype=np.float64)
    order = np.argsort(-e, kind="stable")
    enough = e[order] * np.arange(1, len(e) + 1) / max(len(e), 1) >= threshold
    kept = int(np.flatnonzero(enough).max()) + 1 if enough.any() else 0
    return sorted(order[:kept].tolist())


def _sorted(p_values: Sequence[float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    return p[order], order


def _in_place(adjusted: npt.NDArray[np.float64], order: npt.NDArray[np.intp]) -> list[float]:
    placed = np.empty(len(adjusted))
    placed[order] = np.minimum(adjusted, 1.0)
    return placed.tolist()
