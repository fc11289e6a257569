"""The field's default rules for one column, after the sources of the tools that ship them."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
CHUNKS = 10


def verdicts(reference: Array, current: Array) -> dict[str, bool]:
    """Of each rule, whether it calls the column drifted.

    Args:
        reference: rows; numbers, or an object array of categories.
        current: the same. The rule that tells from chunks of the reference is left out where the
            window is more than a fifth of it, so that chunks would overlap by more than half or so.
    """
    from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

    numeric = reference.dtype != object
    a, b = (_quantile_bins if numeric else _categories)(reference, current)
    found = {"PSI > 0.1": _psi(a, b) > 0.1}
    if numeric:
        found["p < 0.05 per field"] = bool(
            ks_2samp(reference, current, method="asymp").pvalue < 0.05
        )
        found["Wasserstein >= 0.1 sd"] = wasserstein_distance(reference, current) >= 0.1 * max(
            float(reference.std()), 0.001
        )
        js = _js(*_equal_bins(reference, current))
    else:
        held = a + b > 0
        found["p < 0.05 per field"] = bool(
            chi2_contingency(np.array([a[held], b[held]]), correction=False).pvalue < 0.05
        )
        js = _js(a, b)
    found["Jensen-Shannon >= 0.1"] = js >= 0.1
    if len(current) <= len(reference) // 5:
        found["mean +- 3 sd of chunks"] = _beyond(reference, current, numeric)
    found["always"] = True
    return found


def _beyond(reference: Array, current: Array, numeric: bool) -> bool:
    """Whether the distance lies off the mean of ten chunks of the reference by three sd."""
    measure = _gap if numeric else lambda x, y: _js(*_categories(x, y))
    rows = len(current)
    starts = np.linspace(0, len(reference) - rows, CHUNKS).astype(int)
    own = np.array([measure(reference, reference[at : at + rows]) for at in starts])
    return bool(abs(measure(reference, current) - own.mean()) > 3.0 * own.std())


def _gap(reference: Array, current: Array) -> float:
    at = np.sort(current)
    below = np.searchsorted(np.sort(reference), at, side="right") / len(reference)
    return float(np.abs(np.arange(1, len(at) + 1) / len(at) - below).max())


def _quantile_bins(reference: Array, current: Array) -> tuple[Array, Array]:
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)))[1:-1]
    return tuple(
        np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1)
        for x in (reference, current)
    )


def _equal_bins(reference: Array, current: Array) -> tuple[Array, Array]:
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), "sturges")
    return np.histogram(reference, edges)[0], np.histogram(current, edges)[0]


def _categories(reference: Array, current: Array) -> tuple[Array, Array]:
    names, codes = np.unique(np.concatenate([reference, current]), return_inverse=True)
    parts = codes[: len(reference)], codes[len(reference) :]
    a, b = (np.bincount(part, minlength=len(names)) for part in parts)
    return a, b


def _psi(a: Array, b: Array) -> float:
    p, q = (np.maximum(x / x.sum(), 1e-4) for x in (a, b))
    return float(np.sum((p - q) * np.log(p / q)))


def _js(a: Array, b: Array) -> float:
    from scipy.spatial.distance import jensenshannon

    return float(np.nan_to_num(jensenshannon(a, b)))
