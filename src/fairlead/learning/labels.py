"""Labelled rows of the sealed log, in the order in which their labels were received."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from fairlead.clock import Clock
from fairlead.monitoring.gather import APART_US, LABEL, Gatherer, made
from fairlead.monitoring.recall import DAY_US
from fairlead.predictionlog.segments import SEGMENTS, Segment
from fairlead.predictionlog.tables import union
from fairlead.store import Blobs, Store

PATIENCE_US = 180_000_000
"""For so long after a prediction was made it may still be on the way into the sealed log."""
FILES_MAX = 64
"""Taken in one step."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows that have their first label, by when it was received.

    Args:
        rows: of the prediction log, with `text` and `number` of the label.
        unknown: labels for predictions that there are not.
        again: labels for rows that had one before.
    """

    rows: pl.DataFrame
    unknown: int = 0
    again: int = 0


class LabelLog:
    """Reads what labels came for an endpoint's predictions, some files at a time.

    Files that were merged are left alone: what they were merged from was read before, which
    compaction waits for, or lies before the learner's beginning.

    Args:
        store: of the segments.
        blobs: of the sealed files.
        endpoint: whose.
        clock: tells how old predictions are.
    """

    def __init__(self, store: Store, blobs: Blobs, endpoint: str, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._endpoint = endpoint
        self._clock = clock
        self._gatherer = Gatherer(store, blobs)

    def files(self) -> list[str]:
        """The records of all files of labels that are not merged."""
        return list(self._files())

    def next(self, passed: Collection[str]) -> tuple[str, ...]:
        """The files to be taken together now; empty if there are none.

        Those wait whose predictions may still be on the way into the sealed log.

        Args:
            passed: files that were taken.
        """
        files = self._files()
        fresh = [key for key in files if key not in passed][:FILES_MAX]
        return tuple(key for key in fresh if self._is_whole(self._labels([files[key]])))

    def read(self, step: Sequence[str], passed: Collection[str]) -> Labelled:
        """The rows of some files.

        Args:
            step: the files.
            passed: files that were taken before: who has a label there has its first one.
        """
        files = self._files()
        labels = self._labels([files[key] for key in step])
        first = labels.unique("prediction_id", keep="first", maintain_order=True)
        fresh = first.filter(
            ~pl.col("prediction_id").is_in(self._known(first, step, passed).implode())
        )
        rows = self._predictions(fresh["prediction_id"])
        found = fresh.join(rows, left_on="prediction_id", right_on="id", maintain_order="left")
        return Labelled(found, fresh.height - found.height, labels.height - fresh.height)

    def _files(self) -> dict[str, Segment]:
        found = self._store.scan(SEGMENTS, f"feedback/{self._endpoint}/")
        return {stored.key: stored.value for stored in found if not stored.value.merged}

    def _labels(self, files: Sequence[Segment]) -> pl.DataFrame:
        """The labels of files, by when they were received."""
        tables = [pl.scan_parquet(self._blobs.locate(file.blob)) for file in files]
        labels = union(tables).filter(pl.col("name") == LABEL)
        columns = ("prediction_id", "received", "text", "number")
        return labels.select(columns).sort("received", maintain_order=True).collect()

    def _is_whole(self, labels: pl.DataFrame) -> bool:
        """Whether the predictions are there that these labels are for, as far as ever."""
        ids = labels["prediction_id"].unique()
        young = ids.filter((made(ids) - self._clock.now_us()).abs() < PATIENCE_US)
        return young.is_in(self._predictions(young)["id"].implode()).all()

    def _known(
        self, labels: pl.DataFrame, step: Sequence[str], passed: Collection[str]
    ) -> pl.Series:
        """Of the predictions those that had a label before."""
        ids = labels["prediction_id"]
        times = made(ids).drop_nulls().to_list()
        since = _day(min(times) - DAY_US) if times else ""
        before = [
            stored.value
            for stored in self._store.scan(SEGMENTS, f"feedback/{self._endpoint}/")
            if (stored.value.merged or stored.key in passed)
            and stored.key not in step
            and stored.value.day >= since
        ]
        if not before:
            return pl.Series(dtype=pl.String)
        tables = pl.concat([pl.scan_parquet(self._blobs.locate(file.blob)) for file in before])
        mine = (pl.col("name") == LABEL) & pl.col("prediction_id").is_in(ids.implode())
        return tables.filter(mine).select("prediction_id").unique().collect().to_series()

    def _predictions(self, ids: pl.Series) -> pl.DataFrame:
        """The predictions of these ids that were answered, each once."""
        times = made(ids).drop_nulls()
        low, high = times.min(), times.max()
        files = [
            file
            for file in self._gatherer.files("predictions", self._endpoint)
            if _may_hold(file, low, high)
        ]
        tables = [pl.scan_parquet(self._blobs.locate(file.blob)) for file in files]
        wanted = pl.col("id").is_in(ids.implode()) & (pl.col("role") != "shadow")
        if not tables:
            return pl.DataFrame(schema={"id": pl.String})
        rows = union(tables).filter(wanted & (pl.col("outcome") == "ok")).collect()
        return rows.unique("id", keep="first", maintain_order=True)


def _may_hold(file: Segment, low: object, high: object) -> bool:
    """Whether a file may hold predictions that were made between two times.

    Ids of batch jobs' rows do not tell when they were made: such files are all looked into.
    """
    if file.ids is not None:
        return True
    if not isinstance(low, int) or not isinstance(high, int):
        return False
    return file.low_us <= high + APART_US and file.high_us >= low - APART_US


def _day(time_us: int) -> str:
    return str(pl.from_epoch([time_us], "us").dt.strftime("%Y-%m-%d")[0])
