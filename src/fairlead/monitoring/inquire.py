"""Looks into proven harm: rows of before and since, from the log, and what tells them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from fairlead.monitoring.attribute import Segments, merge_segments
from fairlead.monitoring.estimate import expected_losses
from fairlead.monitoring.explain import Explanation, explain, segments_of
from fairlead.monitoring.gather import BATCH, Gatherer, id_from, resolve
from fairlead.monitoring.guard import Moments, add_moments
from fairlead.monitoring.recall import WEEK_US
from fairlead.monitoring.reckon import (
    Model,
    beside_labels,
    columns_of,
    estimates,
    moments,
    row_losses_of,
    seen,
)
from fairlead.monitoring.records import Stream
from fairlead.monitoring.rows import answered, truth_of
from fairlead.signature import Numbers
from fairlead.stats import Adwin

ROWS_MAX = 10_000
"""Of each side: enough to tell segments apart, few enough for a fraction of a second."""
LABELS_MAX = 100_000


@dataclass(slots=True)
class _Side:
    """Rows of one side of the change, added up."""

    segments: dict[str, Segments] = field(default_factory=dict)
    losses: Moments = field(default_factory=Moments)
    stream: list[Numbers] = field(default_factory=list)

    def add(self, segments: dict[str, Segments], losses: Numbers) -> None:
        none = Segments()
        self.segments = {
            name: merge_segments(self.segments.get(name, none), more)
            for name, more in segments.items()
        }
        self.losses = add_moments(self.losses, moments(losses))
        self.stream.append(losses)


def inquire(
    log: Gatherer, stream: Stream, model: Model, name: str, since_us: int, now_us: int
) -> Iterator[Explanation | None]:
    """Compare rows since harm began with those of the week before, at most 10 000 of each.

    Args:
        log: of the sealed rows.
        stream: that was harmed.
        model: of the version.
        name: of the guard that has proven it.
        since_us: until when all was well; 0 if it never was, and there is nothing to compare with.
        now_us: microseconds since 1970.

    Yields:
        None after each step, the explanation at last.
    """
    before, after = _Side(), _Side()
    spans = [(before, max(since_us - WEEK_US, 0), since_us), (after, since_us, now_us)]
    for side, low_us, high_us in spans:
        read = _expected if name.startswith("estimated") else _labelled
        yield from read(log, stream, model, side, low_us, high_us)
    adwin = None if name.startswith("estimated") else _adwin(before, after)
    yield explain(before.segments, after.segments, (before.losses, after.losses), adwin=adwin)


def _labelled(
    log: Gatherer, stream: Stream, model: Model, side: _Side, low_us: int, high_us: int
) -> Iterator[None]:
    """Add rows that have a label."""
    tables: list[pl.DataFrame] = []
    every = "", "~"  # ids of batch jobs do not tell when they were made
    low, high = every if stream.role == BATCH else (id_from(low_us), id_from(high_us))
    for table in log.feedback(stream.endpoint, low_us, low, high):
        tables.append(table)
        yield
        if sum(each.height for each in tables) >= LABELS_MAX:
            break
    labels = resolve(pl.concat(tables[::-1])) if tables else None
    for rows in log.rows(stream, low_us, high_us, columns_of(model.signature)):
        joined = beside_labels(rows, labels).filter(pl.col("count").is_not_null())
        _add(side, model, joined.sort("label_time"))
        yield
        if side.losses.rows >= ROWS_MAX:
            return


def _add(side: _Side, model: Model, rows: pl.DataFrame) -> None:
    signature = seen(model.signature, rows.columns)
    one = answered(rows, signature)
    truth = None if one is None else truth_of(one, signature)
    if one is None or truth is None or not truth.answers.rows:
        return
    losses = row_losses_of(model, truth)[model.drift_loss]
    inputs = one.inputs.take(np.flatnonzero(truth.labelled))
    side.add({} if model.profile is None else segments_of(model.profile, inputs, losses), losses)


def _expected(
    log: Gatherer, stream: Stream, model: Model, side: _Side, low_us: int, high_us: int
) -> Iterator[None]:
    """Add some rows of each file, with the losses that are expected of them."""
    for rows in log.rows(stream, low_us, high_us, columns_of(model.signature)):
        some = beside_labels(rows.gather_every(-(-rows.height * 4 // ROWS_MAX) or 1), None)
        signature = seen(model.signature, some.columns)
        one, estimator = answered(some, signature), estimates(model, signature)
        if one is not None and estimator is not None:
            losses = expected_losses(estimator, signature, one.inputs, one.outputs)
            profile = model.profile
            side.add({} if profile is None else segments_of(profile, one.inputs, losses), losses)
        yield
        if side.losses.rows >= ROWS_MAX:
            return


def _adwin(before: _Side, after: _Side) -> bool:
    """Whether ADWIN finds a change while it reads the rows since, and they are worse.

    Files were read from the newest on, so that they are turned round.
    """
    adwin = Adwin()
    for losses in before.stream[::-1]:
        for loss in losses.tolist():
            adwin.update(loss)
    since = (adwin.update(loss) for losses in after.stream[::-1] for loss in losses.tolist())
    return any(since) and after.losses.mean > before.losses.mean
