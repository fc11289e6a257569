"""A history cut into blocks of equal time, and which rows are known before one of them begins."""

from __future__ import annotations

import numpy as np

from fairlead.errors import ConfigError
from fairlead.updates.advice.types import Blocks, History, Places, Training

BLOCKS_USUAL = 32
WARM = 4
BLOCKS_MIN = 12
BLOCKS_MAX = 400
ROWS_PER_BLOCK = 30
SETTLED = 0.95
HANDY_S = (
    *(
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
        3600,
        7200,
        10_800,
        14_400,
        21_600,
        43_200,
    ),
    *(days * 86_400 for days in (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 56, 91, 182, 365)),
)
"""Lengths of blocks that people think in."""


class TooLittleError(ConfigError):
    """The history is too short to say anything."""


def settle(history: History, as_of_us: int) -> Places:
    """The rows that are old enough for their labels to have come.

    Of the youngest rows only those have a label that got theirs fast, and these are not like the
    others. Rows younger than the delay within which 95 of 100 labels came are left out.

    Args:
        history: labelled rows.
        as_of_us: up to when labels are known, microseconds since 1970.

    Returns:
        Places of the rows that are kept.
    """
    delay_us = np.quantile(history.labelled_us - history.asked_us, SETTLED)
    return np.flatnonzero(history.asked_us <= as_of_us - delay_us)


def cut(history: History, *, block_us: int = 0, rows_min: int = 100) -> Blocks:
    """Cut a history into blocks.

    Args:
        history: at least a row.
        block_us: length of a block; 0 takes the shortest handy one that gives at most 32 blocks,
            of at least thirty rows on average.
        rows_min: labelled rows below which nothing is trained; the first training waits for them.

    Returns:
        The last block ends with the last row: what does not fill a block stands before the first.

    Raises:
        TooLittleError: there are not enough rows or blocks to compare policies on.
        ConfigError: the blocks are too many.
    """
    first, end = int(history.asked_us[0]), int(history.asked_us[-1]) + 1
    block_us = block_us or _handy_us(end - first, history.rows)
    whole = (end - first + block_us - 1) // block_us if block_us else 0
    if whole > BLOCKS_MAX:
        raise ConfigError(
            f"The history would be cut into {whole} blocks, {BLOCKS_MAX} at most are compared.",
            hint="Give longer blocks.",
        )
    if whole < BLOCKS_MIN:
        raise TooLittleError(_too_few(history.rows, whole, block_us))
    edges = end - block_us * np.arange(whole, -1, -1, dtype=np.int64)
    of = np.clip(np.searchsorted(edges, history.asked_us, side="right") - 1, 0, whole - 1)
    warm = _warm(history, edges, rows_min)
    if whole - warm < BLOCKS_MIN - WARM:
        raise TooLittleError(
            f"Only {whole - warm} of {whole} blocks are left after {rows_min} labels had come, "
            f"{BLOCKS_MIN - WARM} are needed."
        )
    return Blocks(edges, of.astype(np.intp), warm)


def known(history: History, blocks: Blocks, training: Training) -> Places:
    """The rows that a training learns from: labelled before its block begins.

    Args:
        history: labelled rows.
        blocks: of the history.
        training: which.
    """
    cutoff_us = blocks.edges_us[training.block]
    return np.flatnonzero((history.labelled_us < cutoff_us) & (blocks.of >= training.since))


def fresh_to(history: History, blocks: Blocks, base: Training, block: int, window: int) -> Places:
    """Rows that were labelled before a block begins, and that a model has not learnt from.

    Args:
        history: labelled rows.
        blocks: of the history.
        base: the training of the model.
        block: that is to be answered.
        window: of so many blocks, the latest; 0 for all there are.
    """
    since = max(block - window, 0) if window else 0
    learnt_us, cutoff_us = blocks.edges_us[base.block], blocks.edges_us[block]
    labelled = history.labelled_us
    return np.flatnonzero((labelled >= learnt_us) & (labelled < cutoff_us) & (blocks.of >= since))


def _handy_us(span_us: int, rows: int) -> int:
    """A length of blocks; 0 if the rows do not do."""
    count = min(BLOCKS_USUAL, rows // ROWS_PER_BLOCK)
    if count < BLOCKS_MIN:
        return 0
    least_us = -(-span_us // count)
    handy = [int(length_s * 1e6) for length_s in HANDY_S]
    fits = [each for each in handy if least_us <= each <= span_us // (BLOCKS_MIN - 1)]
    return fits[0] if fits else least_us


def _warm(history: History, edges: Places, rows_min: int) -> int:
    """How many blocks pass until enough labels have come."""
    labels = np.searchsorted(np.sort(history.labelled_us), edges[:-1], side="left")
    enough = np.flatnonzero(labels >= rows_min)
    return max(WARM, int(enough[0]) if enough.size else len(edges))


def _too_few(rows: int, blocks: int, block_us: int) -> str:
    least = BLOCKS_MIN * ROWS_PER_BLOCK
    if not block_us:
        return f"There are {rows} labelled rows, and {least} at least are needed."
    return f"The history has {blocks} blocks, and {BLOCKS_MIN} at least are needed."
