"""From batches to profiles, vectorised."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.profiles.merge import empty
from fairlead.profiles.types import Categorical, Named, Numeric, Profile, Summary
from fairlead.signature import Batch, Column, Field, Numbers, Signature

BINS = 32
CATEGORIES_MAX = 255
PARTS_MAX = 32


def make_reference(signature: Signature, inputs: Batch, outputs: Batch | None = None) -> Profile:
    """Freeze edges and categories from reference rows, and count these rows on them.

    The edges are quantiles of the reference; where it has at most 32 distinct values, each of
    them gets a bin of its own.

    Args:
        signature: of the model.
        inputs: the reference rows.
        outputs: what the model answers to them.

    Example:
        >>> signature = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> batch = Batch(3, ("age",), np.array([[1.0], [2.0], [np.nan]]), {})
        >>> age = make_reference(signature, batch).inputs["age"]
        >>> age.edges, age.counts, age.missing, age.mean
        ((1.0, 1.5, 2.0), (0, 1, 1, 0), 1, 1.5)
    """
    frame = Profile(
        rows=0,
        inputs=_frames(signature.inputs, inputs),
        outputs={} if outputs is None else _frames(signature.outputs, outputs),
    )
    return observe(frame, inputs, outputs)


def observe(reference: Profile, inputs: Batch, outputs: Batch | None = None) -> Profile:
    """Count rows on the edges and categories of a reference.

    Args:
        reference: any profile with the frozen edges.
        inputs: what was asked.
        outputs: what was answered, row by row; None if nothing was.

    Returns:
        The profile of these rows alone.
    """
    frame = empty(reference)
    return msgspec.structs.replace(
        frame,
        rows=inputs.rows,
        inputs=_counted(frame.inputs, inputs),
        outputs=frame.outputs if outputs is None else _counted(frame.outputs, outputs),
    )


def _frames(fields: Iterable[Field], batch: Batch) -> dict[str, Summary]:
    return {field.name: _frame(field, batch.column(field.name)) for field in fields}


def _frame(field: Field, column: Column) -> Summary:
    """The summary of no rows, with edges or categories frozen from a column."""
    if field.kind == "category":
        seen = Counter(value for value in column.tolist() if value is not None)
        known = tuple(field.categories or sorted(seen, key=lambda v: (isinstance(v, str), v)))
        if len(known) > CATEGORIES_MAX:
            frequent = set(sorted(known, key=lambda value: -seen[value])[:CATEGORIES_MAX])
            known = tuple(value for value in known if value in frequent)
        return Categorical(categories=known, counts=(0,) * len(known))
    if field.kind == "tensor" and field.categories:
        names = [str(name) for name in field.categories[:PARTS_MAX]]
        columns = (_measure(column[..., place]) for place in range(len(names)))
        return Named(parts=dict(zip(names, map(_numeric_frame, columns), strict=True)))
    return _numeric_frame(_measure(column))


def _numeric_frame(values: Numbers) -> Numeric:
    finite = values[np.isfinite(values)]
    edges = _edges(finite) if finite.size else ()
    return Numeric(edges=edges, counts=(0,) * (len(edges) + 1))


def _edges(values: Numbers) -> tuple[float, ...]:
    distinct = np.unique(values)
    if len(distinct) <= BINS:
        between = distinct[:-1] / 2 + distinct[1:] / 2
        return tuple(np.concatenate([distinct[:1], between, distinct[-1:]]).tolist())
    # Quantiles that are values of the data: no interpolation that could overflow.
    quantiles = np.quantile(values, np.linspace(0, 1, BINS + 1), method="lower")
    return tuple(np.unique(quantiles).tolist())


def _counted(frames: Mapping[str, Summary], batch: Batch) -> dict[str, Summary]:
    return {name: _count(frame, batch.column(name)) for name, frame in frames.items()}


def _count(frame: Summary, column: Column) -> Summary:
    if isinstance(frame, Categorical):
        return _count_categories(frame, column)
    if isinstance(frame, Named):
        parts = {
            name: _count_numbers(part, _measure(column[..., place]))
            for place, (name, part) in enumerate(frame.parts.items())
        }
        return Named(parts=parts)
    return _count_numbers(frame, _measure(column))


def _count_categories(frame: Categorical, column: Column) -> Categorical:
    seen = Counter(column.tolist())
    missing = seen.pop(None, 0)
    counts = tuple(seen[value] for value in frame.categories)
    other = seen.total() - sum(counts)
    return msgspec.structs.replace(frame, counts=counts, other=other, missing=missing)


def _count_numbers(frame: Numeric, values: Numbers) -> Numeric:
    finite = values[np.isfinite(values)]
    missing = len(values) - len(finite)
    if not finite.size:
        return msgspec.structs.replace(frame, missing=missing)
    places = np.searchsorted(np.array(frame.edges), finite, side="right")
    if frame.edges:
        places[finite == frame.edges[-1]] = len(frame.edges) - 1
    counts = np.bincount(places, minlength=len(frame.edges) + 1)
    with np.errstate(over="ignore"):
        mean = float((finite / len(finite)).sum())
        m2 = min(float(np.square(finite - mean).sum()), sys.float_info.max)
    return Numeric(
        edges=frame.edges,
        counts=tuple(counts.tolist()),
        count=len(finite),
        missing=missing,
        mean=mean,
        m2=m2,
        low=float(finite.min()),
        high=float(finite.max()),
    )


def _measure(column: Column) -> Numbers:
    """One number per row of a column of any kind; NaN where there is none."""
    if column.dtype.kind == "M":
        seconds: Numbers = column.astype("datetime64[us]").astype(np.int64) / 1e6
        seconds[np.isnat(column)] = np.nan
        return seconds
    if column.dtype.kind in "OU":
        lengths = [_length(value) for value in column.tolist()]
        return np.array(lengths, dtype=np.float64)
    numbers: npt.NDArray[np.float64] = column.astype(np.float64)
    with np.errstate(over="ignore"):
        return numbers.mean(axis=tuple(range(1, numbers.ndim))) if numbers.ndim > 1 else numbers


def _length(value: object) -> float:
    """Characters of text, bytes of media, elements of a list."""
    return float(len(value)) if isinstance(value, str | bytes | list) else np.nan
