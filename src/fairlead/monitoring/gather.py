"""Rows of the sealed log, file by file, and the labels that came for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.records import Stream
from fairlead.predictionlog.segments import SEGMENTS, Segment, SegmentKind
from fairlead.store import Blobs, Store

APART_US = 3_600_000_000
"""How far the time in an id may lie from the one in the log: as far as a clock is set back."""
PART_ROWS = 50_000
FILES_MAX = 64
ROWS_MAX = 500_000
WHO = ("version", "role")
LABEL = "label"
FACTS = ("id", "time", "outcome")
BATCH = "batch"
"""The role, and the source, of the rows of batch jobs: a stream beside that of live ones."""
PRECOMPUTED = "precomputed"
"""The source of rows that a table of predictions answered, as a batch job had made them."""
ASSIGNED = pl.col("assigned_by") == "hash"
ROUTED = ASSIGNED & (pl.col("source") == "live")
"""Rows that the route assigned and a model answered: not what a person tried, nor a second try."""
BY_MODEL = ASSIGNED & pl.col("source").is_in(["live", "cache"])
"""The same with those that were answered from a cache."""
WATCHED = BY_MODEL | (pl.col("source") == BATCH)


class Gatherer:
    """Reads what is asked of the sealed files, and no more.

    Args:
        store: of the segments.
        blobs: of their files.
    """

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    def windows(self, segment: Segment, length_us: int) -> dict[Stream, set[int]]:
        """The windows that a file of predictions has rows for: their starts, by stream."""
        start = _start(length_us)
        rows = self._open(segment).filter(WATCHED).select(*WHO, start).unique().collect()
        return _streams(segment.endpoint, rows)

    def fed(self, segment: Segment, names: Collection[str]) -> pl.DataFrame:
        """The `prediction_id` and `name` of each entry of a file of feedback.

        Args:
            segment: of the file.
            names: which entries are of interest.
        """
        rows = self._open(segment).filter(pl.col("name").is_in(list(names)))
        return rows.select("prediction_id", "name").collect()

    def search(
        self, endpoint: str, ids: pl.Series, length_us: int, known: dict[Stream, set[int]]
    ) -> Iterator[pl.DataFrame]:
        """Find predictions by their ids, some files at a time, the newest first.

        A file is opened if one of the ids was made about when its rows came in or, of a batch
        job, lies among the ids of its rows.

        Args:
            endpoint: whose.
            ids: of predictions.
            length_us: of windows.
            known: is added the starts of the windows of those that are found, by stream.

        Yields:
            The ids that are still to be found: first all, `id` and `made_us`, null of those that
            are none of ours.
        """
        left = pl.DataFrame({"id": ids, "made_us": made(ids)}).unique("id")
        yield left
        times = left["made_us"].drop_nulls().sort().to_numpy()
        derived = left.filter(pl.col("made_us").is_null())["id"].sort()
        files = [
            f for f in self.files("predictions", endpoint) if _holds(f, times) or _lists(f, derived)
        ]
        for some in _together(sorted(files, key=lambda each: -each.high_us)):
            low_us = min(each.low_us for each in some) - APART_US
            high_us = max(each.high_us for each in some) + APART_US
            made_then = pl.col("made_us").is_between(low_us, high_us)
            wanted = left.filter(made_then | pl.col("made_us").is_null())["id"]
            found = self._find(some, wanted, length_us)
            left = left.filter(~pl.col("id").is_in(found["id"].implode()))
            routed = found.filter("routed").select(*WHO, "start_us").unique()
            for stream, starts in _streams(endpoint, routed).items():
                known.setdefault(stream, set()).update(starts)
            yield left

    def rows(
        self, stream: Stream, low_us: int, high_us: int, columns: Collection[str]
    ) -> Iterator[pl.DataFrame]:
        """Routed rows of a stretch of time, a part at a time, the newest file first.

        Args:
            stream: whose.
            low_us: first microsecond since 1970.
            high_us: first one that does not belong to it.
            columns: beside id, time and outcome, as far as a file has them.
        """
        time = pl.col("time").dt.epoch("us")
        mine = (pl.col("version") == stream.version) & (pl.col("role") == stream.role)
        files = self.files("predictions", stream.endpoint, low_us, high_us)
        for segment in sorted(files, key=lambda each: -each.high_us):
            table = self._open(segment)
            there = [name for name in table.collect_schema().names() if name in columns]
            rows = table.filter(WATCHED & mine & time.is_between(low_us, high_us, closed="left"))
            yield from rows.select(*FACTS, *there).collect().iter_slices(PART_ROWS)

    def feedback(
        self, endpoint: str, since_us: int, low: str, high: str,
        names: Collection[str] = (LABEL,),
    ) -> Iterator[pl.DataFrame]:  # fmt: skip
        """What came for predictions whose ids lie in a range, the newest file first.

        Args:
            endpoint: whose.
            since_us: when the first of the predictions was made; feedback comes later, or a day
                earlier at most by another machine's clock.
            low: the first id.
            high: the last id.
            names: what is of interest.
        """
        first = pl.from_epoch([since_us - DAY_US], "us").dt.strftime("%Y-%m-%d")[0]
        wanted = pl.col("name").is_in(list(names)) & pl.col("prediction_id").is_between(
            pl.lit(low), pl.lit(high)
        )
        late = [each for each in self.files("feedback", endpoint) if each.day >= first]
        for some in _together(reversed(late)):
            paths = [self._blobs.locate(each.blob) for each in some[::-1]]
            yield pl.scan_parquet(paths).filter(wanted).collect()

    def files(
        self, kind: SegmentKind, endpoint: str, low_us: int | None = None,
        high_us: int | None = None,
    ) -> list[Segment]:  # fmt: skip
        """Files of one kind and endpoint that may have rows of a stretch of time."""
        found = (stored.value for stored in self._store.scan(SEGMENTS, f"{kind}/{endpoint}/"))
        return [
            each
            for each in found
            if (low_us is None or each.high_us >= low_us)
            and (high_us is None or each.low_us < high_us)
        ]

    def _find(self, some: Sequence[Segment], wanted: pl.Series, length_us: int) -> pl.DataFrame:
        """The predictions that are in some files, with their window, and whether they count."""
        asked = pl.col("id").is_in(wanted.implode())
        routed = WATCHED.alias("routed")
        columns = ("id", *WHO, _start(length_us), routed)
        return pl.concat([self._open(f).filter(asked).select(columns) for f in some]).collect()

    def _open(self, segment: Segment) -> pl.LazyFrame:
        return pl.scan_parquet(self._blobs.locate(segment.blob))


def made(ids: pl.Series) -> pl.Series:
    """When prediction ids were made, microseconds since 1970; null of those that are none of ours.

    A UUIDv7 carries its millisecond.

    Example:
        >>> made(pl.Series(["018bcfe5-6800-7000-8000-000000000000", "1"])).to_list()
        [1700000000000000, None]
    """
    digits = ids.str.slice(0, 8) + ids.str.slice(9, 4)
    times = digits.str.to_integer(base=16, strict=False, dtype=pl.Int64) * 1000
    return times.set(ids.str.slice(14, 1) != "7", None)


def id_from(time_us: int) -> str:
    """What ids that are made from a time on are not below, as text.

    Example:
        >>> id_from(1_700_000_000_000_000)
        '018bcfe5-6800'
    """
    digits = f"{time_us // 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def resolve(labels: pl.DataFrame) -> pl.DataFrame:
    """One row for each prediction that has labels, however many came.

    Args:
        labels: in the columns of the feedback log.

    Returns:
        `id`; `label`, `label_number` and `label_time` of the latest; `first` and `first_number` of
        the first; `count`, and `kinds`: how many different ones there are.
    """
    text, number = pl.col("text"), pl.col("number")
    return (
        labels.sort("received", "time", maintain_order=True)
        .group_by(pl.col("prediction_id").alias("id"), maintain_order=True)
        .agg(
            text.last().alias("label"),
            number.last().alias("label_number"),
            pl.col("time").last().alias("label_time"),
            text.first().alias("first"),
            number.first().alias("first_number"),
            pl.len().alias("count"),
            text.n_unique().alias("kinds"),
        )
    )


def _start(length_us: int) -> pl.Expr:
    return (pl.col("time").dt.epoch("us") // length_us * length_us).alias("start_us")


def _holds(segment: Segment, times: npt.NDArray[np.int64]) -> bool:
    """Whether a prediction that was made at one of these times, rising, may be in a file."""
    if segment.ids is not None:
        return False
    low_us, high_us = segment.low_us - APART_US, segment.high_us + APART_US
    return bool(np.searchsorted(times, low_us) < np.searchsorted(times, high_us, side="right"))


def _lists(segment: Segment, derived: pl.Series) -> bool:
    """Whether one of these ids, rising, which do not tell when they were made, may be in a file."""
    if segment.ids is None:
        return False
    low, high = segment.ids
    return bool(derived.search_sorted(low) < derived.search_sorted(high, side="right"))


def _together(files: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Small files to be read in one step, which is five times as fast as one by one."""
    some: list[Segment] = []
    for each in files:
        if some and (len(some) == FILES_MAX or sum(f.rows for f in some) + each.rows > ROWS_MAX):
            yield some
            some = []
        some.append(each)
    if some:
        yield some


def _streams(endpoint: str, rows: pl.DataFrame) -> dict[Stream, set[int]]:
    found: dict[Stream, set[int]] = {}
    for version, role, start_us in rows.select(*WHO, "start_us").iter_rows():
        stream = Stream(endpoint=endpoint, version=version, role=role)
        found.setdefault(stream, set()).add(start_us)
    return found
