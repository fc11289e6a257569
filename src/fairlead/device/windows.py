"""From a file of rows to the window that it is of; a window is made anew as often as one likes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np

from fairlead.device.segments import Segment, frames_of
from fairlead.device.types import Window
from fairlead.errors import StorageError
from fairlead.ids import derive, text
from fairlead.predictionlog.types import PredictionFrame
from fairlead.profiles import Profile, decode, empty, merge, observe
from fairlead.signature import concat

GZIP = zlib.MAX_WBITS | 16
WINDOW_BYTES_MAX = 64 << 20


def make_window(segment: Segment, reference: bytes, device: str) -> Window:
    """The window of a file's rows.

    Args:
        segment: the file.
        reference: the profile of the bundle's reference rows, as it lies in the bundle.
        device: whose rows.

    Raises:
        StorageError: the reference cannot be read.
    """
    frames = frames_of(segment.path)
    frame = empty(decode(reference))
    times = [int(each) for one in frames for each in one.time_us]
    return Window(
        id=derive(device, segment.digest).some(segment.first, 1).texts()[0],
        device=device,
        version=frames[-1].version if frames else "",
        digest=segment.digest,
        first=segment.first,
        rows=len(times),
        from_us=min(times, default=0),
        to_us=max(times, default=0),
        last_id=text(frames[-1].ids[-1]) if frames else "",
        profile=_profile(frame, frames),
    )


def _profile(reference: Profile, frames: Sequence[PredictionFrame]) -> Profile:
    """The profile of all rows, of which those that are alike are counted at once."""
    seen = (_observed(reference, list(alike)) for _, alike in groupby(frames, _shape))
    return reduce(merge, seen, reference)


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
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


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
