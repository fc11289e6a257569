"""Worlds in which nothing moves but chance, the hour and the users: windows of fifty fields.

Rows are Gaussian underneath and cut at thresholds that give each bin its share, so that rows of
one user can be alike in every field, whatever its distribution. Windows are counted directly on
the bins of a reference that `fairlead.profiles` made of real rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from fairlead.profiles import Categorical, Numeric, Profile, make_reference
from fairlead.signature import Batch, Field, Signature

CATEGORIES = (3, 5, 10, 30, 100, 255, 300, 1000)
NUMBERS, PARETO, FIELDS = 20, 10, 50
HOURS = 24
SIZE_MEAN = 8
ALIKE = 0.5
Array = Any


@dataclass(frozen=True)
class World:
    """How the rows of an endpoint come about.

    Args:
        reference: made of rows of all hours.
        shares: of each field, by hour and bin, shape (hours, bins), over and over.
        clustered: whether rows come from users who ask often and alike.
    """

    reference: Profile
    shares: dict[str, Array]
    clustered: bool


def make(
    random: np.random.Generator, rows: int, *, fields: range = range(FIELDS),
    clustered: bool = False, cyclic: bool = False, weekly: bool = False, outlier: bool = False,
    busy: bool = False,
) -> World:  # fmt: skip
    """A world, with a reference of some rows.

    Args:
        random: generator.
        rows: of the reference.
        fields: which of the fifty; twenty are normal, ten Pareto, twenty categories.
        clustered: see `World`.
        cyclic: whether the distribution follows the hour.
        weekly: whether it is another one on two days of seven.
        outlier: whether one value of each numeric field of the reference is 1e6.
        busy: whether the reference has more rows of the hours that have more.
    """
    drift = _cycle(random) if cyclic else np.zeros((FIELDS, HOURS))
    if weekly:
        drift = np.tile(drift, 7) + _weekend(random)
    period = drift.shape[1]
    asked = np.array([traffic(hour, 1000) if busy else 1 for hour in range(period)])
    hours = (
        random.choice(period, rows, p=asked / asked.sum())
        if busy
        else random.integers(0, period, rows)
    )
    columns: dict[str, Array] = {}
    for place in fields:
        z = random.standard_normal(rows) + drift[place, hours]
        columns[f"f{place}"] = _values(place, z)
        if outlier and place < NUMBERS + PARETO:
            columns[f"f{place}"][0] = 1e6
    reference = _profiled(columns)
    shares = {
        name: np.array([_shares(int(name[1:]), summary, d) for d in drift[int(name[1:])]])
        for name, summary in reference.inputs.items()
    }
    world = World(reference, shares, clustered)
    if clustered:  # the bins are those of independent rows, their counts are not
        each = rows * asked // asked.sum()
        parts = [window(world, random, int(each[hour]), hour) for hour in range(period)]
        counted = {n: np.sum([p[n] for p in parts], axis=0) for n in shares}
        reference = profile(reference, counted)
        world = World(reference, shares, clustered)
    return world


def window(
    world: World, random: np.random.Generator, rows: int, hour: int = 0,
    shifts: dict[str, float] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Counts of a window's rows, by field, in the order of its bins.

    Args:
        world: where it comes from.
        random: generator.
        rows: how many.
        hour: of all that were and are to come.
        shifts: of the Gaussian underneath, in its standard deviations, by field.
    """
    shifts = shifts or {}
    of_user = users(random, rows) if world.clustered else None
    counted = {}
    for name, shares in world.shares.items():
        hour %= len(shares)
        if of_user is None and name not in shifts:
            counted[name] = random.multinomial(rows, shares[hour])
        else:
            values = _gaussians(random, rows, of_user) + shifts.get(name, 0.0)
            counted[name] = _cut(shares[hour], values)
    return counted


def profile(reference: Profile, counted: dict[str, Array]) -> Profile:
    """Counts as a profile on the bins of a reference."""
    inputs = {}
    for name, counts in counted.items():
        summary, numbers = reference.inputs[name], tuple(counts.tolist())
        if isinstance(summary, Numeric):
            inputs[name] = replace(
                summary, counts=numbers, count=sum(numbers), missing=0, low=0.0, high=1.0
            )
        else:
            assert isinstance(summary, Categorical)
            inputs[name] = replace(summary, counts=numbers[:-1], other=numbers[-1], missing=0)
    rows = int(next(iter(counted.values())).sum())
    return Profile(rows=rows, inputs=inputs)


def merged(reference: Profile, windows: Iterable[dict[str, Array]]) -> Profile:
    """Windows added up, as a profile on the bins of a reference."""
    counted = list(windows)
    return profile(reference, {n: np.sum([w[n] for w in counted], axis=0) for n in counted[0]})


def traffic(hour: int, rows: int) -> int:
    """Rows of an hour: three times as many by day as by night."""
    return round(rows * (1.0 + 0.5 * np.sin(2.0 * np.pi * hour / HOURS)))


def rows_of(
    random: np.random.Generator, *, clustered: bool = False, cyclic: bool = False
) -> Callable[[int, int, int | None], Array]:
    """Values rather than counts, for those who need them; the world is a new one.

    Args:
        random: generator.
        clustered: see `World`.
        cyclic: see `World`.

    Returns:
        Takes the place of a field, how many rows, and the hour they are of, or None for one day's
        rows from its first hour to its last.
    """
    drift = _cycle(random) if cyclic else np.zeros((FIELDS, HOURS))

    def draw(place: int, rows: int, hour: int | None) -> Array:
        hours = np.arange(rows) * HOURS // rows if hour is None else np.full(rows, hour)
        of_user = users(random, rows) if clustered else None
        return _values(place, _gaussians(random, rows, of_user) + drift[place, hours])

    return draw


def _cycle(random: np.random.Generator) -> Array:
    """How far each field's Gaussian lies off at each hour: a wave of up to 0.5."""
    phases, heights = random.uniform(0, HOURS, FIELDS), random.uniform(0.1, 0.5, FIELDS)
    waves = np.sin(2.0 * np.pi * (np.arange(HOURS) + phases[:, None]) / HOURS)
    return heights[:, None] * waves


def _weekend(random: np.random.Generator) -> Array:
    """How far each field's Gaussian lies off on the last two days of a week: by up to 0.5."""
    weekend = np.arange(7 * HOURS) >= 5 * HOURS
    return random.uniform(-0.5, 0.5, FIELDS)[:, None] * weekend


def users(random: np.random.Generator, rows: int) -> Array:
    """Which user each row is of; a user's rows follow each other."""
    return np.repeat(np.arange(rows), random.geometric(1.0 / SIZE_MEAN, rows))[:rows]


def _gaussians(random: np.random.Generator, rows: int, of_user: Array | None) -> Array:
    noise = random.standard_normal(rows)
    if of_user is None:
        return noise
    theirs = random.standard_normal(int(of_user[-1]) + 1)
    return np.sqrt(ALIKE) * theirs[of_user] + np.sqrt(1.0 - ALIKE) * noise


def _cut(shares: Array, values: Array) -> Array:
    from scipy.special import ndtri

    cuts = ndtri(np.clip(np.cumsum(shares)[:-1], 0.0, 1.0))
    return np.bincount(np.searchsorted(cuts, values), minlength=len(shares))


def _values(place: int, z: Array) -> Array:
    """Rows of one field, of the Gaussians underneath."""
    from scipy.special import ndtr

    if place < NUMBERS:
        return z
    if place < NUMBERS + PARETO:
        return ndtr(-z) ** (-1.0 / 1.5) - 1.0
    cumulated = np.cumsum(_zipf(_categories(place)))[:-1]
    return np.searchsorted(cumulated, ndtr(z)).astype(str).astype(object)


def _shares(place: int, summary: object, shift: float) -> Array:
    """Of each bin, the chance of a row whose Gaussian is off by some."""
    from scipy.special import ndtr, ndtri

    def below(chances: Array) -> Array:
        return ndtr(ndtri(chances) - shift)

    if isinstance(summary, Numeric):
        edges = np.array(summary.edges)
        chances = ndtr(edges) if place < NUMBERS else 1.0 - (1.0 + np.maximum(edges, 0.0)) ** -1.5
        return np.diff(np.concatenate([[0.0], below(chances), [1.0]]))
    assert isinstance(summary, Categorical)
    cumulated = np.concatenate([[0.0], np.cumsum(_zipf(_categories(place)))])
    each = np.diff(below(np.clip(cumulated, 0.0, 1.0)))
    known = each[[int(name) for name in summary.categories]]
    return np.append(known, max(0.0, 1.0 - known.sum()))


def _categories(place: int) -> int:
    return CATEGORIES[(place - NUMBERS - PARETO) % len(CATEGORIES)]


def _zipf(categories: int) -> Array:
    weights = 1.0 / np.arange(1, categories + 1) ** 1.1
    return weights / weights.sum()


def _profiled(columns: dict[str, Array]) -> Profile:
    numbers = [n for n, values in columns.items() if values.dtype != object]
    fields = [Field(name=n, kind="number" if n in numbers else "category") for n in columns]
    matrix = np.column_stack([columns[n] for n in numbers])
    rest = {n: values for n, values in columns.items() if n not in numbers}
    batch = Batch(len(matrix), tuple(numbers), np.ascontiguousarray(matrix), rest)
    return make_reference(Signature(inputs=tuple(fields), outputs=()), batch)
