"""A quantile of a histogram that holds whenever it is looked at, as of latencies."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.beta_mixture import log_beta_mixture, tuned_concentration
from fairlead.stats.domain import Numbers, check_counts, check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate

TUNED_ROWS = 1000


def quantile_sequence(
    counts: Any,
    edges: Any,
    share: float,
    *,
    confidence: float = CONFIDENCE,
    tuned_rows: float = TUNED_ROWS,
) -> Estimate:
    """A quantile with an interval that holds the true one at every look.

    If it lies below an edge, a value reaches that edge with a chance of at most 1 - p; if it does
    not, a value stays below with a chance of at most p. `log_beta_mixture` refutes either, each
    with half the chance of error, and the interval is what is left: of all edges, exactly. Howard
    and Ramdas (2022), "Sequential estimation of quantiles with applications to A/B testing and
    best-arm identification", arXiv 1906.09712, with the beta-binomial boundary for one p.

    Ends are edges, so the interval is at most one bucket wider at each end than that of the values
    themselves, and the value is right within its bucket: with buckets of 2 % within 2 %. Values
    have to be independent, as those of well separated requests.

    Args:
        counts: values by bucket, at least one, shape (buckets,).
        edges: rising, shape (buckets + 1,): bucket i holds edges[i] <= x < edges[i + 1]. The last
            may be infinite.
        share: p, between 0 and 1, as 0.99.
        confidence: between 0 and 1.
        tuned_rows: at which the interval is narrowest, chosen before the first look.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> one = quantile_sequence([500, 400, 100], [0.0, 10.0, 20.0, 40.0], 0.8)
        >>> one.low, one.value, one.high
        (10.0, 15.0, 20.0)
    """
    held, bounds = histogram(counts, edges)
    check_share("share", share)
    check_share("confidence", confidence)
    alpha = (1.0 - confidence) / 2.0
    reaching, staying = log_edge_evidence(held, share, tuned_concentration(tuned_rows, alpha=alpha))
    enough = log(1.0 / alpha)
    place = min(int(np.searchsorted(held.cumsum(), share * held.sum())), held.size - 1)
    low = np.flatnonzero(reaching >= enough)
    high = np.flatnonzero(staying >= enough)
    middle = (bounds[place] + bounds[place + 1]) / 2.0
    return Estimate(
        float(middle if np.isfinite(middle) else bounds[place]),
        float(bounds[low[-1] if low.size else 0]),
        float(bounds[high[0] if high.size else -1]),
    )


def log_edge_evidence(
    counts: Numbers, share: float, concentration: float
) -> tuple[Numbers, Numbers]:
    """At each edge, evidence that more than 1 - p of values reach it, and that more than p do not.

    Args:
        counts: values by bucket, shape (..., buckets).
        share: p, of the quantile.
        concentration: see `log_beta_mixture`.

    Returns:
        Two arrays of natural logs, shape (..., buckets + 1).
    """
    below = np.concatenate([np.zeros((*counts.shape[:-1], 1)), counts.cumsum(axis=-1)], axis=-1)
    rest = below[..., -1:] - below
    # Most edges lie beside empty buckets: of those with the same counts one is reckoned.
    pairs, place = np.unique(below + 1j * rest, return_inverse=True)
    less, more, place = pairs.real, pairs.imag, place.reshape(below.shape)
    reaching = log_beta_mixture(more, less, 1.0 - share, concentration=concentration)
    staying = log_beta_mixture(less, more, share, concentration=concentration)
    return reaching[place], staying[place]


def histogram(counts: Any, edges: Any) -> tuple[Numbers, Numbers]:
    """Counts and edges as floats.

    Raises:
        ConfigError: they do not fit each other.
    """
    check_counts("values", counts)
    held, bounds = np.asarray(counts, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    if bounds.shape != (held.shape[-1] + 1 if held.ndim else 0,) or not np.all(np.diff(bounds) > 0):
        raise ConfigError(
            f"Edges of shape {bounds.shape} do not bound counts of shape {held.shape}.",
            hint="Give rising edges, one more than there are buckets.",
        )
    return held, bounds
