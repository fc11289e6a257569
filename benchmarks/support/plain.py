"""What one writes who has pandas and SciPy and wants to know whether anything moved."""

from __future__ import annotations

from typing import Any

import numpy as np

PSI_BINS = 10


def summarise(before: Any, after: Any) -> Any:
    """What a profile holds: counts on the reference's edges, moments, quantiles, distinct values.

    Args:
        before: a frame, from which the edges come.
        after: the frame that is summarised.
    """
    import pandas as pd

    shares = np.linspace(0, 1, 33)
    found = {}
    for name, column in after.items():
        if column.dtype == "float64":
            edges = np.unique(before[name].quantile(shares))
            binned = pd.cut(column, [-np.inf, *edges, np.inf]).value_counts()
            found[name] = column.describe(), binned, column.nunique(), column.isna().sum()
        else:
            found[name] = column.value_counts(dropna=False), column.nunique()
    return found


def test(before: Any, after: Any) -> Any:
    """Of each column a two-sample test, Kolmogorov and Smirnov's or chi-square, and its PSI.

    Args:
        before: a frame.
        after: another.
    """
    import pandas as pd
    from scipy import stats

    found = {}
    for name, column in after.items():
        a, b = before[name].dropna(), column.dropna()
        if column.dtype == "float64":
            tested = stats.ks_2samp(a, b, method="asymp")
            edges = np.unique(a.quantile(np.linspace(0, 1, PSI_BINS + 1)))[1:-1]
            counts = np.array(
                [np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (a, b)]
            )
        else:
            both = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0)
            counts = both.to_numpy().T
            tested = stats.chi2_contingency(counts)
        p, q = (np.maximum(x / x.sum(), 1e-4) for x in counts)
        found[name] = tested.pvalue, float(np.sum((p - q) * np.log(p / q)))
    return found
