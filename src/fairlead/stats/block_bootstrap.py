"""Intervals of means over blocks of time that are not independent of each other."""

from __future__ import annotations

from math import ceil

import msgspec
import numpy as np

from fairlead.stats.intervals import CONFIDENCE, Estimate
from fairlead.stats.weighted import Numbers

REPLICATES = 2000
STRETCHES_MIN = 6


class Joint(msgspec.Struct, frozen=True):
    """Estimates whose intervals hold all together.

    Args:
        estimates: in the order of the values.
        critical: how many standard errors each side of the values they reach.
    """

    estimates: tuple[Estimate, ...]
    critical: float


def block_length(blocks: int) -> int:
    """How many neighbours are drawn together: about the third root of how many there are.

    Example:
        >>> block_length(8), block_length(24)
        (2, 3)
    """
    return max(1, round(float(np.cbrt(blocks))))


def draw_blocks(blocks: int, length: int, seed: int, replicates: int = REPLICATES) -> Numbers:
    """How often each block of time was drawn, where neighbours are drawn together.

    Stretches of `length` blocks are drawn with replacement from a circle of all, until there are
    as many blocks as before. Politis and Romano (1992), "A circular block-resampling procedure
    for stationary data".

    Args:
        blocks: how many there are.
        length: of a stretch, in blocks.
        seed: the same seed gives the same draws.
        replicates: how many resamples.

    Returns:
        Shape (replicates, blocks).

    Example:
        >>> draw_blocks(6, 3, seed=1).sum(axis=1)[:3].tolist()
        [6.0, 6.0, 6.0]
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    starts = generator.integers(0, blocks, size=(replicates, ceil(blocks / length)))
    places = (starts[:, :, None] + np.arange(length)) % blocks
    drawn = places.reshape(replicates, -1)[:, :blocks] + blocks * np.arange(replicates)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=replicates * blocks)
    return counts.reshape(replicates, blocks).astype(np.float64)


def joint_means(
    values: Numbers, weights: Numbers, *, seed: int, confidence: float = CONFIDENCE
) -> Joint:
    """Weighted means over blocks of time, with intervals that hold all together.

    What grows or shrinks steadily is no doubt about its mean: a line is fitted to each, and what
    blocks differ from it by is taken in stretches of neighbours (see `block_length`, six stretches
    at least). A mean m has the standard error s = sqrt(G / (G - 2) sum_g r_g^2) with r_g the share
    of stretch g of G in these differences, and its interval is m -+ c s. The signs of the
    stretches' shares are drawn, for all means the same, and c is the quantile of the largest
    |mean| / s of all, where s is that of each draw, too: so few stretches make c large, and
    whichever mean is picked afterwards, its interval holds. Cameron, Gelbach and Miller (2008),
    "Bootstrap-based improvements for inference with clustered errors"; the largest of all after
    Westfall and Young (1993), "Resampling-based multiple testing".

    Args:
        values: shape (means, blocks); the same blocks for all.
        weights: of the blocks, such as their rows.
        seed: of the draws.
        confidence: that all intervals hold.

    Example:
        >>> falling, even = np.tile([0.4, 0.6], 6) - 0.1 * np.arange(12), np.zeros(12)
        >>> one = joint_means(np.array([falling, even]), np.ones(12), seed=1)
        >>> round(one.estimates[0].value, 2), one.estimates[0].high < 0.1, one.estimates[1]
        (-0.05, True, Estimate(value=0.0, low=0.0, high=0.0))
    """
    blocks = values.shape[1]
    count = min(blocks, max(STRETCHES_MIN, blocks // block_length(blocks)))
    starts = np.linspace(0, blocks, count + 1).round().astype(np.intp)[:-1]
    share = weights / weights.sum()
    along = np.arange(blocks) - share @ np.arange(blocks)
    steep = share * along / (share @ np.square(along))
    means = values @ share
    apart = values - means[:, None] - (values @ steep)[:, None] * along
    of_mean = np.add.reduceat(apart * share, starts, axis=1)
    of_line = np.add.reduceat(apart * steep, starts, axis=1)
    errors = _errors(np.square(of_mean).sum(axis=1), count)
    signs = np.random.Generator(np.random.PCG64(seed)).choice([-1.0, 1.0], (REPLICATES, count))
    drawn, lines = signs @ of_mean.T, signs @ of_line.T
    held, leant = np.add.reduceat(share, starts), np.add.reduceat(share * along, starts)
    largest = np.zeros(REPLICATES)
    for place, share_of in enumerate(of_mean):  # one at a time: all of them are large
        fitted = np.outer(drawn[:, place], held) + np.outer(lines[:, place], leant)
        within = _errors(np.square(signs * share_of - fitted).sum(axis=1), count)
        ratio = np.abs(drawn[:, place]) / np.where(within > 0, within, np.inf)
        largest = np.maximum(largest, ratio)
    critical = float(np.quantile(largest, confidence))
    return Joint(
        tuple(
            Estimate(mean, mean - critical * error, mean + critical * error)
            for mean, error in zip(means.tolist(), errors.tolist(), strict=True)
        ),
        critical,
    )


def _errors(squares: Numbers, count: int) -> Numbers:
    """Standard errors from sums of squares, where rounding alone is none."""
    return np.sqrt(np.where(squares > 1e-24, squares, 0.0) * count / (count - 2))
