"""From batches to profiles, vectorised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from fairlead.profiles.digests import add_field, digest_rows, no_fields
from fairlead.profiles.fields import Values, code_field, count_field, freeze_field, hold_out
from fairlead.profiles.merge import empty
from fairlead.profiles.numbers import count_numbers, freeze_numbers
from fairlead.profiles.repeats import sketch_rows
from fairlead.profiles.types import NO_REPEATS, Numeric, Profile, Repeats, Summary
from fairlead.signature import Batch, Field, Numbers, Signature

Columns = Mapping[str, Values]


def make_reference(
    signature: Signature,
    inputs: Batch,
    outputs: Batch | None = None,
    *,
    times_us: npt.NDArray[np.int64] | None = None,
    metrics: Mapping[str, Numbers] | None = None,
) -> Profile:
    """Freeze edges and categories from reference rows, and count these rows on them.

    The edges are quantiles of the reference; where it has at most 32 distinct values, each of
    them gets a bin of its own. The words of texts and the axes of tensors are taken from every
    other row, and what is measured by them is counted of the rows between.

    Args:
        signature: of the model.
        inputs: the reference rows.
        outputs: what the model answers to them.
        times_us: when each row came, in microseconds since 1970, if that is known.
        metrics: what else is known of each row, by name.

    Example:
        >>> signature = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> batch = Batch(3, ("age",), np.array([[1.0], [2.0], [np.nan]]), {})
        >>> age = make_reference(signature, batch).inputs["age"]
        >>> age.edges, age.counts, age.missing, age.mean
        ((1.0, 1.5, 2.0), (0, 1, 1, 0), 1, 1.5)
    """
    frame = Profile(
        rows=0,
        inputs=_freeze(signature.inputs, inputs),
        outputs={} if outputs is None else _freeze(signature.outputs, outputs),
        metrics={name: freeze_numbers(values) for name, values in (metrics or {}).items()},
    )
    seen = observe(frame, inputs, outputs, times_us=times_us, metrics=metrics)
    return replace(
        seen,
        inputs=_hold_out(seen.inputs, inputs),
        outputs=seen.outputs if outputs is None else _hold_out(seen.outputs, outputs),
    )


def observe(
    reference: Profile,
    inputs: Batch,
    outputs: Batch | None = None,
    *,
    times_us: npt.NDArray[np.int64] | None = None,
    metrics: Mapping[str, Numbers] | None = None,
) -> Profile:
    """Count rows on the edges and categories of a reference.

    Args:
        reference: any profile with the frozen edges.
        inputs: what was asked.
        outputs: what was answered, row by row; None if nothing was.
        times_us: when each row came, in microseconds since 1970, for the lag of timestamps.
        metrics: what else is known of each row, by name; NaN where it is not.

    Returns:
        The profile of these rows alone.
    """
    answers = None if outputs is None else _columns(outputs)
    return observe_columns(
        reference, inputs.rows, _columns(inputs), answers, times_us=times_us, metrics=metrics
    )


def observe_columns(
    reference: Profile,
    rows: int,
    inputs: Columns,
    outputs: Columns | None = None,
    *,
    times_us: npt.NDArray[np.int64] | None = None,
    metrics: Mapping[str, Numbers] | None = None,
) -> Profile:
    """Count rows as `observe` does, from columns.

    Args:
        reference: any profile with the frozen edges.
        rows: how many there were.
        inputs: by field: a column as a batch holds it or, of categories, a tally. A field that
            is not here, because it was not logged, counts neither values nor missing ones.
        outputs: likewise, of the rows that were answered.
        times_us: when each row came, in microseconds since 1970, for the lag of timestamps.
        metrics: what else is known of rows, by name; NaN where it is not.

    Example:
        >>> signature = Signature(inputs=(Field(name="plan", kind="category"),), outputs=())
        >>> plans = Batch(2, (), np.empty((2, 0)), {"plan": np.array(["pro", "free"], object)})
        >>> reference = make_reference(signature, plans)
        >>> plan = observe_columns(reference, 9, {"plan": {"pro": 8, "gold": 1}}).inputs["plan"]
        >>> plan.categories, plan.counts, plan.new
        (('free', 'pro'), (0, 8), 1)
    """
    frame = empty(reference)
    nothing = Numeric(edges=(), counts=(0,))
    known = {
        name: count_numbers(frame.metrics.get(name, nothing), values)
        for name, values in (metrics or {}).items()
    }
    coded = {name: code_field(frame.inputs[name], values) for name, values in inputs.items()
             if name in frame.inputs}  # fmt: skip
    return Profile(
        rows=rows,
        inputs=_count(frame.inputs, coded, times_us),
        outputs=frame.outputs if outputs is None else _count(frame.outputs, outputs, times_us),
        metrics={**frame.metrics, **known},
        repeats=_repeats(rows, coded),
    )


def _freeze(fields: Iterable[Field], batch: Batch) -> dict[str, Summary]:
    return {field.name: freeze_field(field, batch.column(field.name)) for field in fields}


def _hold_out(summaries: Mapping[str, Summary], batch: Batch) -> dict[str, Summary]:
    return {name: hold_out(each, batch.column(name)) for name, each in summaries.items()}


def _count(
    frames: Mapping[str, Summary], columns: Columns, times_us: npt.NDArray[np.int64] | None
) -> dict[str, Summary]:
    return {
        name: count_field(frame, columns[name], times_us) if name in columns else frame
        for name, frame in frames.items()
    }


def _repeats(rows: int, columns: Columns) -> Repeats:
    """Which rows are the same; of no rows where they are not told apart."""
    whole = {n: v for n, v in columns.items() if not isinstance(v, Mapping)}
    if not rows or not columns or len(whole) < len(columns):
        return NO_REPEATS
    sums = no_fields(rows)
    for name, values in whole.items():
        add_field(sums, name, values)
    return sketch_rows(digest_rows(sums))


def _columns(batch: Batch) -> Columns:
    return {**dict(zip(batch.names, batch.turned(), strict=True)), **batch.columns}
