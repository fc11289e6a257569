"""Boosted symmetric trees on binned fields: small, frozen, and fast to ask in NumPy alone.

Every node of a level asks the same question, so a leaf's place is the bits of a few comparisons of
whole columns, and a tree is a handful of numbers. Kohavi (1994), "Bottom-up induction of
oblivious, read-once decision graphs"; boosted as in Prokhorenkova et al. (2018), "CatBoost".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.stats.weighted import Numbers, Values

TREES_MAX = 100
DEPTH = 6
RATE = 0.1
SHRINK_ROWS = 20.0
FIT_CELLS_MAX = 500_000
HOLD_OUT = 5
PATIENCE = 10

Codes = npt.NDArray[np.intp]


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """One question for each level, and a value for each way of answering them.

    Args:
        fields: place of the field that is asked about.
        bounds: the answer is yes where the field's code is larger.
        leaves: 2 ** len(fields) values; the first answer is the highest bit.
    """

    fields: tuple[int, ...]
    bounds: tuple[int, ...]
    leaves: tuple[float, ...]


class Forest(msgspec.Struct, frozen=True):
    """A sum of trees.

    Args:
        base: that trees are added to.
        trees: with which it grew as long as held-out rows were predicted better.
        spread: root mean square of held-out errors, relative to what was predicted.
    """

    base: float
    trees: tuple[Tree, ...] = ()
    spread: float = 0.0


def ask(forest: Forest, codes: Sequence[Values]) -> Numbers:
    """What the forest says of rows, at least 0.

    Args:
        forest: as fitted.
        codes: the bin of each row, for each field, as when fitted.

    Returns:
        Shape (rows,).
    """
    total = np.full(len(codes[0]), forest.base)
    for tree in forest.trees:
        total += np.array(tree.leaves)[_leaves(tree.fields, tree.bounds, codes)]
    said: Numbers = np.maximum(total, 0.0)
    return said


def fit_forest(codes: Sequence[Values], sizes: Sequence[int], target: Values) -> Forest:
    """Grow a forest for a number that is never negative, such as a loss.

    Every fifth row is held out to find how many trees help and how far they err; then as many
    are grown on all rows. Of very many rows each tree sees some, so that fitting takes seconds.

    Args:
        codes: the bin of each row, for each of at least one field; integers from 0.
        sizes: how many bins each field has.
        target: shape (rows,), finite and not negative.

    Raises:
        ConfigError: there are fewer than ten rows, or no fields.

    Example:
        >>> code = np.arange(200) % 2
        >>> forest = fit_forest([code], [2], 1.0 + 2.0 * code)
        >>> [round(float(said), 2) for said in ask(forest, [np.array([0, 1])])]
        [1.0, 3.0]
    """
    numbers = np.asarray(target, dtype=np.float64)
    if len(numbers) < 2 * HOLD_OUT or not codes:
        raise ConfigError(
            f"{len(numbers)} rows of {len(codes)} fields are not enough to learn losses from.",
            hint=f"Give at least {2 * HOLD_OUT} rows and one field.",
        )
    held = np.arange(len(numbers)) % HOLD_OUT == HOLD_OUT - 1
    growing = _grow([code[~held] for code in codes], sizes, numbers[~held])
    said = np.full(int(held.sum()), float(numbers[~held].mean()))
    best, spread = _validate(growing, said, [code[held] for code in codes], numbers[held])
    trees = tuple(islice(_grow(codes, sizes, numbers), best))
    return Forest(float(numbers.mean()), trees, spread)


def _grow(codes: Sequence[Values], sizes: Sequence[int], target: Numbers) -> Iterator[Tree]:
    """Trees one by one, each for what those before it left."""
    rest = target - target.mean()
    step = -(-len(target) * len(codes) // FIT_CELLS_MAX)
    for number in range(TREES_MAX):
        some = slice(number % step, None, step)
        fields, bounds = _questions([code[some] for code in codes], sizes, rest[some])
        if not fields:
            return
        leaf = _leaves(fields, bounds, codes)
        rows = np.bincount(leaf, minlength=1 << len(fields))
        sums = np.bincount(leaf, rest, minlength=1 << len(fields))
        # Six digits are far more than is known of a leaf, and keep the file short.
        values = [float(f"{value:.6g}") for value in RATE * sums / (rows + SHRINK_ROWS)]
        yield Tree(tuple(fields), tuple(bounds), tuple(values))
        rest = rest - np.array(values)[leaf]


def _questions(
    codes: Sequence[Values], sizes: Sequence[int], rest: Numbers
) -> tuple[list[int], list[int]]:
    """Level by level the field and bound that explain most in all leaves together."""
    leaf = np.zeros(len(rest), dtype=np.intp)
    fields: list[int] = []
    bounds: list[int] = []
    for _ in range(DEPTH):
        gains = [
            _gain(leaf * size + code, rest, size, 1 << len(fields))
            for code, size in zip(codes, sizes, strict=True)
        ]
        field = int(np.argmax([gain.max(initial=-1.0) for gain in gains]))
        if not gains[field].size:
            break
        fields.append(field)
        bounds.append(int(gains[field].argmax()))
        leaf = 2 * leaf + (codes[field] > bounds[-1])
    return fields, bounds


def _gain(cells: Codes, rest: Numbers, size: int, leaves: int) -> Numbers:
    """How much of the squares each bound explains, shape (size - 1,)."""
    rows = np.bincount(cells, minlength=leaves * size).reshape(leaves, size).cumsum(axis=1)
    sums = np.bincount(cells, rest, minlength=leaves * size).reshape(leaves, size).cumsum(axis=1)
    below = np.square(sums) / (rows + SHRINK_ROWS)
    above = np.square(sums[:, -1:] - sums) / (rows[:, -1:] - rows + SHRINK_ROWS)
    gain: Numbers = (below + above).sum(axis=0)[:-1]
    return gain


def _leaves(fields: Sequence[int], bounds: Sequence[int], codes: Sequence[Values]) -> Codes:
    leaf = np.zeros(len(codes[0]), dtype=np.intp)
    for field, bound in zip(fields, bounds, strict=True):
        leaf = 2 * leaf + (codes[field] > bound)
    return leaf


def _validate(
    growing: Iterator[Tree], said: Numbers, codes: Sequence[Values], target: Numbers
) -> tuple[int, float]:
    """How many trees predict best, and the relative error of that many."""
    best, least, kept = 0, float(np.square(target - said).mean()), said
    for number, tree in enumerate(growing, start=1):
        said = said + np.array(tree.leaves)[_leaves(tree.fields, tree.bounds, codes)]
        error = float(np.square(target - said).mean())
        if error < least:
            best, least, kept = number, error, said
        elif number - best >= PATIENCE:
            break
    size = float(np.square(np.maximum(kept, 0.0)).mean())
    return best, float(np.sqrt(least / size)) if size else 0.0
