"""Labelled rows in the order of time: made up, and of libraries that are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

BLOCK_ROWS = 100
FIELDS = 6
Stream = tuple[Any, Any]
"""Inputs, shape (rows, fields), and labels, 0 or above."""


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


def real() -> Iterator[tuple[str, Callable[[], Stream] | None]]:
    """Streams of real rows by name; None where the library is not installed."""
    yield "digits, in the order of the file", _digits
    yield "breast cancer, in the order of the file", _cancer
    for name in ("Phishing", "Bananas", "ImageSegments"):
        there = find_spec("river") is not None
        yield f"river: {name}", (lambda name=name: _river(name)) if there else None


def _digits() -> Stream:
    from sklearn.datasets import load_digits

    inputs, truth = load_digits(return_X_y=True)
    return inputs, truth


def _cancer() -> Stream:
    from sklearn.datasets import load_breast_cancer

    inputs, truth = load_breast_cancer(return_X_y=True)
    return inputs, truth


def _river(name: str) -> Stream:
    from river import datasets

    rows = list(getattr(datasets, name)())
    labels = sorted({str(label) for _, label in rows})
    inputs = np.array([[float(value) for value in row.values()] for row, _ in rows])
    return inputs, np.array([labels.index(str(label)) for _, label in rows])
