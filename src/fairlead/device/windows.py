"""From a file of rows to the window that it is of; a window is made anew as often as one likes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np

from fairlead.device.segments import (
    JOURNAL,
    REFERENCES,
    ROWS,
    WINDOW,
    WINDOWS,
    Segment,
    frames_of,
    list_segments,
    name_of,
)
from fairlead.durable import sync, write_own
from fairlead.errors import StorageError
from fairlead.ids import derive, text
from fairlead.predictionlog.types import PredictionFrame
from fairlead.profiles import Profile, decode, empty, merge, observe
from fairlead.signature import concat

FORMAT = 1
ROWS_AT_ONCE = 256
GZIP = zlib.MAX_WBITS | 16
WINDOW_BYTES_MAX = 64 << 20


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen in a stretch of rows, as counts on the reference's edges.

    Args:
        id: the same however often the window is made, so that it counts once wherever it
            arrives twice.
        device: whose rows.
        version: that answered.
        digest: of its bundle.
        first: number of the first row; a device numbers the rows that it keeps from 1.
        rows: how many.
        from_us: the earliest time on its rows, microseconds since 1970; the device's clock.
        to_us: the latest.
        last_id: id of the last prediction; empty without rows.
        profile: of the rows.
        is_open: whether rows may still come to it; one that comes later by its id takes its place.
        format: of these bytes.
    """

    id: str
    device: str
    version: str
    digest: str
    first: int
    rows: int
    from_us: int
    to_us: int
    last_id: str
    profile: Profile
    is_open: bool = False
    format: int = FORMAT


def make_windows(folder: Path) -> None:
    """Make the windows of all files of rows that have none, but of the last, which is written.

    Args:
        folder: of the state. Who writes there need not know: files may come and go meanwhile.

    Raises:
        OSError: a window cannot be written.
    """
    done = {each.first for each in list_segments(folder / WINDOWS, WINDOW)}
    device = (folder / "device").read_text().strip()
    for each in list_segments(folder / ROWS, JOURNAL)[:-1]:
        reference = folder / REFERENCES / each.digest
        if each.first in done or not reference.exists():
            continue
        window = make_window(each, reference.read_bytes(), device)
        if window.rows:  # none, where it has gone meanwhile
            sync(each.path)
            write_window(window, folder / WINDOWS / name_of(each.first, each.digest, WINDOW))


def make_window(segment: Segment, reference: bytes, device: str) -> Window:
    """The window of a file's rows.

    Args:
        segment: the file.
        reference: the profile of the bundle's reference rows, as it lies in the bundle.
        device: whose rows.

    Raises:
        StorageError: the reference cannot be read.
    """
    profile = frame = empty(decode(reference))
    rows, times_us, last = 0, set[int](), None
    for some in _alike(frames_of(segment.path)):
        last = some[-1]
        rows += sum(len(each.ids) for each in some)
        times_us |= {int(time) for each in some for time in each.time_us[[0, -1]]}
        profile = merge(profile, _observed(frame, some))
    return Window(
        id=derive(device, segment.digest).some(segment.first, 1).texts()[0],
        device=device,
        version=last.version if last else "",
        digest=segment.digest,
        first=segment.first,
        rows=rows,
        from_us=min(times_us, default=0),
        to_us=max(times_us, default=0),
        last_id=text(last.ids[-1]) if last else "",
        profile=profile,
    )


def _alike(frames: Iterable[PredictionFrame]) -> Iterator[list[PredictionFrame]]:
    """Frames that are counted at once: some hundred rows, so that a device has memory for them."""
    for _, group in groupby(frames, _shape):
        some, rows = list[PredictionFrame](), 0
        for frame in group:
            some.append(frame)
            rows += len(frame.ids)
            if rows >= ROWS_AT_ONCE:
                yield some
                some, rows = [], 0
        if some:
            yield some


def _shape(frame: PredictionFrame) -> object:
    return [
        batch and (batch.names, [(n, c.dtype, c.shape[1:]) for n, c in batch.columns.items()])
        for batch in (frame.inputs, frame.outputs)
    ]


def _observed(reference: Profile, frames: Sequence[PredictionFrame]) -> Profile:
    outputs = [frame.outputs for frame in frames if frame.outputs is not None]
    times_us = np.concatenate([frame.time_us for frame in frames])
    inputs = concat([frame.inputs for frame in frames])
    return observe(reference, inputs, concat(outputs) if outputs else None, times_us=times_us)


def write_window(window: Window, path: Path) -> None:
    """Write a window, all of it or nothing.

    Raises:
        OSError: it cannot be written.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    raw = packer.compress(msgspec.json.encode(window)) + packer.flush()
    write_own(path, raw)


def read_window(path: Path) -> Window:
    """Read a window back.

    Raises:
        StorageError: it is damaged.
    """
    try:
        raw = zlib.decompressobj(GZIP).decompress(path.read_bytes(), WINDOW_BYTES_MAX)
        return msgspec.json.decode(raw, type=Window)
    except (OSError, zlib.error, msgspec.DecodeError, UnicodeError) as error:
        raise StorageError("A window of what was seen cannot be read.") from error
