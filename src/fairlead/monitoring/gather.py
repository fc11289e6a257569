"""Rows of the sealed log, file by file, and the labels that came for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl

from fairlead.ids import parse, time_us
from fairlead.monitoring.records import Stream
from fairlead.predictionlog.segments import SEGMENTS, Segment, SegmentKind
from fairlead.store import Blobs, Store

DAY_US = 86_400_000_000
APART_US = 3_600_000_000
"""How far the time in an id may lie from the one in the log: as far as a clock is set back."""
PART_ROWS = 50_000
WHO = ("version", "role")
FACTS = ("id", "time", "outcome")
ROUTED = (pl.col("assigned_by") == "hash") & (pl.col("source") == "live")


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
        start = (pl.col("time").dt.epoch("us") // length_us * length_us).alias("start_us")
        rows = self._open(segment).filter(ROUTED).select(*WHO, start).unique().collect()
        return _streams(segment.endpoint, rows)

    def labelled(self, segment: Segment) -> pl.Series:
        """The ids that a file of feedback has labels for."""
        rows = self._open(segment).filter(pl.col("name") == "label")
        return rows.select("prediction_id").collect()["prediction_id"]

    def search(
        self, endpoint: str, ids: Collection[str], length_us: int, known: dict[Stream, set[int]]
    ) -> Iterator[set[str]]:
        """Find predictions by their ids, file by file, the newest first.

        A file is opened if one of the ids was made about when its rows came in: a UUIDv7 carries
        its millisecond.

        Args:
            endpoint: whose.
            ids: of predictions; those that are no UUIDv7 are none of ours.
            length_us: of windows.
            known: is added the starts of the windows of those that are found, by stream.

        Yields:
            The ids that are still to be found.
        """
        times = {one: made(one) for one in ids}
        left = {one: made_us for one, made_us in times.items() if made_us is not None}
        never = times.keys() - left.keys()
        start = (pl.col("time").dt.epoch("us") // length_us * length_us).alias("start_us")
        files = self.files("predictions", endpoint)
        for segment in sorted(files, key=lambda each: -each.high_us):
            near = [one for one, made_us in left.items() if _is_near(segment, made_us)]
            if near:
                wanted = pl.col("id").is_in(pl.Series(near).implode())
                rows = self._open(segment).filter(wanted)
                found = rows.select("id", *WHO, start, ROUTED.alias("routed")).collect()
                for one in found["id"]:
                    left.pop(one, None)
                routed = found.filter("routed").select(*WHO, "start_us").unique()
                for stream, starts in _streams(endpoint, routed).items():
                    known.setdefault(stream, set()).update(starts)
                yield never | left.keys()

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
            rows = table.filter(ROUTED & mine & time.is_between(low_us, high_us, closed="left"))
            yield from rows.select(*FACTS, *there).collect().iter_slices(PART_ROWS)

    def labels(self, endpoint: str, since_us: int, low: str, high: str) -> Iterator[pl.DataFrame]:
        """Labels of predictions whose ids lie in a range, the newest file first.

        Args:
            endpoint: whose.
            since_us: when the first of the predictions was made; labels come later, or a day
                earlier at most by another machine's clock.
            low: the first id.
            high: the last id.
        """
        first = pl.from_epoch([since_us - DAY_US], "us").dt.strftime("%Y-%m-%d")[0]
        wanted = (pl.col("name") == "label") & pl.col("prediction_id").is_between(
            pl.lit(low), pl.lit(high)
        )
        for segment in reversed(self.files("feedback", endpoint)):
            if segment.day >= first:
                yield self._open(segment).filter(wanted).collect()

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

    def _open(self, segment: Segment) -> pl.LazyFrame:
        return pl.scan_parquet(self._blobs.locate(segment.blob))


def made(prediction_id: str) -> int | None:
    """When a prediction id was made, microseconds since 1970; None if it is none of ours.

    Example:
        >>> made("018bcfe5-6800-7000-8000-000000000000"), made("1")
        (1700000000000000, None)
    """
    raw = parse(prediction_id)
    return None if raw is None or raw[6] >> 4 != 7 else time_us(raw)


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


def _is_near(segment: Segment, made_us: int) -> bool:
    return segment.low_us - APART_US <= made_us <= segment.high_us + APART_US


def _streams(endpoint: str, rows: pl.DataFrame) -> dict[Stream, set[int]]:
    found: dict[Stream, set[int]] = {}
    for version, role, start_us in rows.select(*WHO, "start_us").iter_rows():
        stream = Stream(endpoint=endpoint, version=version, role=role)
        found.setdefault(stream, set()).add(start_us)
    return found
