"""Looking at what a device keeps, beside the process that writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from fairlead.device.segments import (
    JOURNAL,
    REFERENCES,
    ROWS,
    WINDOW,
    WINDOWS,
    Segment,
    frames_of,
    list_segments,
    measure,
)
from fairlead.device.tally import read_tally
from fairlead.ids import text
from fairlead.locks import is_held
from fairlead.predictionlog import PredictionFrame
from fairlead.signature import Batch, Signature, to_records
from fairlead.signature.types import Field

if TYPE_CHECKING:
    from fairlead.device.windows import Window


@dataclass(frozen=True, slots=True)
class Standing:
    """How a folder of rows stands.

    Args:
        first: number of the oldest row that is there; what came before has gone to make room.
        rows: that are there.
        windows: of files of rows that are written no more.
        first_window: number of the first row that any window counts; what came before is gone.
        unlogged: rows that were answered but could not be kept.
        size_bytes: of rows and windows.
        in_use: whether a process writes there now.
    """

    first: int
    rows: int
    windows: int
    first_window: int
    unlogged: int
    size_bytes: int
    in_use: bool

    @property
    def gone(self) -> int:
        """Rows that went to make room."""
        return self.first - 1


def stand(folder: Path) -> Standing:
    """How a folder stands; one that is not there holds nothing."""
    rows = list_segments(folder / ROWS, JOURNAL)
    windows = list_segments(folder / WINDOWS, WINDOW)
    counted = [measure(each.path).rows for each in rows[-1:]]
    first = rows[0].first if rows else 1
    try:
        in_use = is_held(folder / "lock")
    except FileNotFoundError:
        in_use = False
    return Standing(
        first=first,
        rows=rows[-1].first + counted[0] - first if rows else 0,
        windows=len(windows),
        first_window=min((each.first for each in (*windows[:1], *rows[:1])), default=1),
        unlogged=read_tally(folder / "unlogged"),
        size_bytes=sum(each.room for each in (*rows, *windows)),
        in_use=in_use,
    )


def kept_rows(folder: Path, signature: Signature) -> Iterator[dict[str, Any]]:
    """Every row that is there, oldest first, as plain values.

    Args:
        folder: of the state.
        signature: of the version in the package. What other versions' rows have beside its
            fields is left out.
    """
    for segment in list_segments(folder / ROWS, JOURNAL):
        number = segment.first
        for frame in frames_of(segment.path):
            yield from _records(frame, number, signature)
            number += len(frame.ids)


def kept_windows(folder: Path) -> Iterator[Window]:
    """Every window, oldest first; of rows that are written now, as far as these go."""
    from fairlead.device.windows import make_window, read_window

    windows = {each.first: each for each in list_segments(folder / WINDOWS, WINDOW)}
    rows = {each.first: each for each in list_segments(folder / ROWS, JOURNAL)}
    for first in sorted(windows.keys() | rows.keys()):
        if first in windows:
            yield read_window(windows[first].path)
            continue
        reference = _reference(folder, rows[first])
        if reference is not None:
            window = make_window(rows[first], reference, (folder / "device").read_text().strip())
            if window.rows:
                yield structs.replace(window, is_open=first == max(rows))


def _reference(folder: Path, segment: Segment) -> bytes | None:
    try:
        return (folder / REFERENCES / segment.digest).read_bytes()
    except FileNotFoundError:
        return None


def _records(frame: PredictionFrame, number: int, signature: Signature) -> Iterator[dict[str, Any]]:
    asked = _known(signature.inputs, frame.inputs)
    answered = None if frame.outputs is None else _known(signature.outputs, frame.outputs)
    for place, raw in enumerate(frame.ids):
        yield {
            "number": number + place,
            "id": text(raw),
            "time_us": int(frame.time_us[place]),
            "version": frame.version,
            "unit": frame.units and frame.units[place],
            "caller_id": frame.caller_ids and frame.caller_ids[place],
            "outcome": frame.outcome,
            "model_us": frame.model_us,
            "inputs": asked[place],
            "outputs": None if answered is None else answered[place],
        }


def _known(fields: tuple[Field, ...], batch: Batch) -> list[dict[str, Any]]:
    there = {*batch.names, *batch.columns}
    return to_records([field for field in fields if field.name in there], batch)
