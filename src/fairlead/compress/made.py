"""Rows made of rows without labels, to ask a model more than the data does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fairlead.compress.graph import Array
from fairlead.compress.types import Feeds

JITTER = 0.02
"""Of a number, in standard deviations of its column."""

NUMBERS_MAX = 32_000_000
"""Of made rows: more take more memory than a laptop has to spare."""

DISTINCT_MIN = 3
"""Fewer different values than this are not mixed but taken from one row or the other."""


def rows_of(feeds: Feeds) -> int:
    """How many rows there are."""
    return len(next(iter(feeds.values())))


def with_made_rows(feeds: Feeds, count: int, *, seed: int) -> Feeds:
    """The rows, and others between them.

    Each lies between two rows: numbers are mixed, by one share for the whole row, moved a little
    and kept within the range of their column; whole numbers stay whole; text, truth values and
    what is missing come from the one row or the other.
    Source: Zhang et al.: mixup: Beyond empirical risk minimization, 2018.

    Args:
        feeds: at least one row.
        count: of rows that are made; fewer where they would be more than `NUMBERS_MAX` numbers.
        seed: for whatever is drawn.
    """
    draw = np.random.default_rng(seed)
    rows = rows_of(feeds)
    count = min(count, NUMBERS_MAX // max(1, _width(feeds)))
    one, other = draw.integers(rows, size=(2, count))
    share = draw.beta(0.4, 0.4, count)
    made = {
        name: _mixed(values, one, other, share, draw)
        if values.dtype.kind in "fiu"
        else _taken(values, one, other, share, draw)
        for name, values in feeds.items()
    }
    return {name: np.concatenate([values, made[name]]) for name, values in feeds.items()}


def _width(feeds: Feeds) -> int:
    """How many values a row has."""
    return sum(int(values[:1].size) for values in feeds.values())


def _taken(
    values: Array, one: Array, other: Array, share: Array, draw: np.random.Generator
) -> Array:
    """Each column's value from the one row or the other."""
    shape = (len(one), *values.shape[1:])
    first = draw.random(shape) < share.reshape(-1, *[1] * (values.ndim - 1))
    return np.where(first, values[one], values[other]).astype(values.dtype)


def _mixed(
    values: Array, one: Array, other: Array, share: Array, draw: np.random.Generator
) -> Array:
    flat = values.reshape(len(values), -1).astype(np.float64)
    known = np.where(np.isfinite(flat), flat, np.nan)
    part = share[:, None]
    mixed = part * flat[one] + (1 - part) * flat[other]
    spread = np.nan_to_num(_quiet(np.nanstd, known))
    mixed += JITTER * spread * draw.standard_normal(mixed.shape)
    whole = (known == np.rint(known)) | np.isnan(known)
    mixed = np.where(whole.all(axis=0), np.rint(mixed), mixed)
    low, high = _quiet(np.nanmin, known), _quiet(np.nanmax, known)
    mixed = np.clip(mixed, low, high)
    kept = _few(known) | ~np.isfinite(flat[one]) | ~np.isfinite(flat[other])
    mixed = np.where(kept, _taken(flat, one, other, share, draw), mixed)
    return mixed.reshape(len(one), *values.shape[1:]).astype(values.dtype)


def _quiet(function: Callable[..., Any], values: Array) -> Array:
    """A statistic of each column; NaN where all are missing."""
    empty = np.isnan(values).all(axis=0)
    found = np.asarray(function(np.where(empty, 0.0, values), axis=0), np.float64)
    return np.where(empty, np.nan, found)


def _few(values: Array) -> Array:
    """Which columns have too few different values to mix."""
    ordered = np.sort(values, axis=0)
    changes = (np.diff(ordered, axis=0) > 0).sum(axis=0)
    return np.asarray(changes + 1 < DISTINCT_MIN)
