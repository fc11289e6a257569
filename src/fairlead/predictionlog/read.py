"""Reading the log: sealed files and what journals still hold, each row exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from fairlead.errors import StorageError
from fairlead.predictionlog.frame import Frame
from fairlead.predictionlog.journal import SUFFIX
from fairlead.predictionlog.scan import scan
from fairlead.predictionlog.segments import JOURNALS, SEGMENTS, Segment, SegmentKind
from fairlead.predictionlog.tables import (
    FEEDBACK_SCHEMA,
    PREDICTION_SCHEMA,
    TIME,
    table_of,
    union,
)
from fairlead.predictionlog.types import PredictionFrame
from fairlead.store import Blobs, Store

TRIES_MAX = 20


def read(
    store: Store,
    blobs: Blobs,
    folder: Path,
    endpoint: str,
    *,
    labels: Literal["latest", "first"] = "latest",
    as_of_us: int | None = None,
) -> pl.LazyFrame:
    """An endpoint's predictions, each with its label as far as it is known.

    As of a time the same rows come with the same labels whenever it is read, if that time is as
    long ago as a row may take to be written: a request's deadline, and on another machine a
    minute more, until it is sealed.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        endpoint: its name.
        labels: which counts where a prediction was labelled more than once.
        as_of_us: what came in later is left out, microseconds since 1970; None for all there is.

    Returns:
        The columns of `PREDICTION_SCHEMA`, `in.<field>` and `out.<field>`, then `label` as text,
        `label_number` if it is one, and `label_time`; by time.

    Raises:
        StorageError: the log went on changing under every attempt to read it.
    """
    known = pl.col("name") == "label"
    if as_of_us is not None:
        known &= pl.col("received") <= pl.lit(as_of_us).cast(TIME)
    chosen = (
        feedback(store, blobs, folder, endpoint)
        .filter(known)
        .sort("received", "time", maintain_order=True)
        .unique(
            "prediction_id", keep="last" if labels == "latest" else "first", maintain_order=True
        )
        .select(
            pl.col("prediction_id"),
            pl.col("text").alias("label"),
            pl.col("number").alias("label_number"),
            pl.col("time").alias("label_time"),
        )
    )
    rows = predictions(store, blobs, folder, endpoint, as_of_us=as_of_us)
    return rows.join(chosen, left_on="id", right_on="prediction_id", how="left").sort("time")


def predictions(
    store: Store, blobs: Blobs, folder: Path, endpoint: str, *, as_of_us: int | None = None
) -> pl.LazyFrame:
    """An endpoint's predictions alone, in no order.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        endpoint: its name.
        as_of_us: as of `read`.

    Returns:
        The columns of `PREDICTION_SCHEMA`, `in.<field>` and `out.<field>`.
    """
    rows = _rows(store, blobs, folder, endpoint, "predictions", as_of_us)
    return rows if as_of_us is None else rows.filter(pl.col("time") <= pl.lit(as_of_us).cast(TIME))


def feedback(store: Store, blobs: Blobs, folder: Path, endpoint: str) -> pl.LazyFrame:
    """All that came later under an endpoint's predictions' ids, whatever its name.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        endpoint: its name.

    Returns:
        The columns of `FEEDBACK_SCHEMA`.
    """
    return _rows(store, blobs, folder, endpoint, "feedback")


@dataclass(frozen=True, slots=True)
class State:
    """Where the rows of an endpoint were at one moment.

    Args:
        journals: names, and how far each is sealed.
        segments: sealed files.
    """

    journals: tuple[tuple[str, int], ...]
    segments: tuple[Segment, ...]


def state(store: Store, folder: Path, endpoint: str, kind: SegmentKind) -> Iterator[State]:
    """Where rows are; again as often as the last answer was found to be old.

    Args:
        store: of the records.
        folder: of this machine's journals.
        endpoint: whose.
        kind: of the rows.

    Raises:
        StorageError: the log went on changing under every attempt to read it.
    """
    for _ in range(TRIES_MAX):
        revision = store.revision()
        names = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
        sealed = {s.key: s.value.sealed for s in store.scan(JOURNALS)}
        segments = [s.value for s in store.scan(SEGMENTS, f"{kind}/{endpoint}/")]
        if store.revision() == revision:  # else these belong to different moments
            journals = tuple((name, sealed.get(JOURNALS.key(name), 0)) for name in names)
            yield State(journals, tuple(segments))
    raise StorageError("The prediction log changes too fast to be read.", hint="Try again.")


def _rows(
    store: Store,
    blobs: Blobs,
    folder: Path,
    endpoint: str,
    kind: SegmentKind,
    as_of_us: int | None = None,
) -> pl.LazyFrame:
    for now in state(store, folder, endpoint, kind):
        try:
            frames = [
                frame
                for name, sealed in now.journals
                for frame in _tail(folder / name, sealed)
                if frame.endpoint == endpoint
                and isinstance(frame, PredictionFrame) == (kind == "predictions")
            ]
        except FileNotFoundError:
            continue  # it was sealed and deleted meanwhile: its rows are in segments now
        segments = [s for s in now.segments if as_of_us is None or s.entered_us <= as_of_us]
        return _union(blobs, segments, table_of(kind, frames), kind)
    raise AssertionError


def _tail(path: Path, sealed: int) -> list[Frame]:
    return [located.frame for located in scan(path, sealed)]


def _union(
    blobs: Blobs, segments: Sequence[Segment], tail: pl.DataFrame, kind: SegmentKind
) -> pl.LazyFrame:
    schema = PREDICTION_SCHEMA if kind == "predictions" else FEEDBACK_SCHEMA
    parts = [pl.DataFrame(schema=schema).lazy()]
    parts += [pl.scan_parquet(blobs.locate(segment.blob)) for segment in segments]
    parts.append(tail.lazy())
    return union(parts)
