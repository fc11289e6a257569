"""Labelled rows in the order of time, which are made up."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK_ROWS = 100
FIELDS = 6
Stream = tuple[Any, Any]
"""Inputs, shape (rows, fields), and labels: classes, 0 or above, or numbers."""


def made(kind: str, blocks: int, seed: int) -> Stream:
    """A stream that is made up.

    Args:
        kind: of `KINDS`.
        blocks: of a hundred rows each.
        seed: of what is drawn.
    """
    draw = np.random.default_rng(seed)
    rows = blocks * BLOCK_ROWS
    along = np.arange(rows) / rows
    inputs = draw.normal(size=(rows, FIELDS))
    angle = np.zeros(rows)
    noise = np.full(rows, 0.5)
    if kind == "abrupt":
        angle[along > 0.5] = np.pi / 2
    elif kind == "gradual":
        angle = np.pi / 2 * along
    elif kind == "recurring":
        angle[(along * 6).astype(int) % 2 == 1] = np.pi / 2
    elif kind == "inputs move":
        inputs[:, 2:] += 2.0 * along[:, None]
    elif kind == "noise grows":
        noise = 0.5 + 2.0 * along
    side = inputs[:, 0] * np.cos(angle) + inputs[:, 1] * np.sin(angle)
    return inputs, (side + noise * draw.normal(size=rows) > 0).astype(int)


KINDS = ("stationary", "abrupt", "gradual", "recurring", "inputs move", "noise grows")
