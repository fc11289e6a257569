"""Of sound: how long it is and how loud. WAV is read in full, of FLAC the header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairlead.profiles.measures.media import (
    bytes_of,
    numbers_of,
    read_measures,
    sizes,
    write_measures,
)
from fairlead.signature import Column, Numbers

SILENCE_DBFS = -60.0
QUIETEST_DBFS = -120.0
FRAME_S = 0.02
SAMPLES_MAX = 2**22
"""Of each sound, from its beginning, whose loudness is measured."""

_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE


class _Sound(NamedTuple):
    duration_s: float = np.nan
    sample_rate_hz: float = np.nan
    loudness_dbfs: float = np.nan
    silence: float = np.nan


def measure_sounds(column: Column) -> dict[str, Numbers]:
    """Size in bytes; duration, sample rate, loudness and the share of silence.

    Loudness is the root mean square over all channels, in decibels of full scale, -120 at
    least; silence is the share of 20 ms frames quieter than -60. Of FLAC there are duration and
    sample rate alone; of MP3 and Ogg, which the standard library cannot read, none of them.

    Args:
        column: bytes, or None where one is missing, or what the log kept of them.
    """
    found = {"size_bytes": sizes(column)}
    sounds = bytes_of(column)
    if sounds is None:
        said = read_measures(column)
        names = _Sound._fields if any(said) else ()
        return {**found, **{name: numbers_of(said, name) for name in names}}
    heard = [_Sound() if data is None else _listen(data) for data in sounds]
    table = np.array(heard, dtype=np.float64).reshape(-1, len(_Sound._fields))
    return {**found, **dict(zip(_Sound._fields, table.T, strict=True))}


def describe_sound(data: bytes) -> str:
    """The measures of a sound as the log keeps them."""
    return write_measures(_listen(data)._asdict())


def _listen(data: bytes) -> _Sound:
    try:
        if data.startswith(b"fLaC"):
            return _flac(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
            return _wav(data)
    except (struct.error, LookupError, ValueError, ZeroDivisionError):
        pass  # damaged: it has no measures
    return _Sound()


def _flac(data: bytes) -> _Sound:
    """From STREAMINFO, which comes first: 20 bits of rate, 8 of form, 36 of length."""
    (packed,) = struct.unpack_from(">Q", data, 18)
    rate, samples = packed >> 44, packed & (2**36 - 1)
    return _Sound(samples / rate if samples else np.nan, rate)


def _wav(data: bytes) -> _Sound:
    chunks = dict(_chunks(data))
    form, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if form == _EXTENSIBLE:
        (form,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
    raw = chunks[b"data"]
    frames = len(raw) // align
    samples = _samples(raw[: min(frames, SAMPLES_MAX // channels) * align], form, bits)
    if samples is None:
        return _Sound(frames / rate, rate)
    return _Sound(
        frames / rate, rate, *_loudness(samples, max(round(rate * FRAME_S), 1) * channels)
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _samples(raw: bytes, form: int, bits: int) -> Numbers | None:
    """Of all channels in turn, full scale being 1; None for forms that are not plain."""
    if form == _FLOATS and bits in (32, 64):
        return np.frombuffer(raw, f"<f{bits // 8}").astype(np.float64)
    if form != _INTEGERS or bits not in (8, 16, 24, 32):
        return None
    if bits == 8:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        wide: npt.NDArray[np.uint8] = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(raw, f"<i{bits // 8}") / 2.0 ** (bits - 1)


def _loudness(samples: Numbers, frame: int) -> tuple[float, float]:
    if not samples.size or not np.isfinite(samples).all():
        return np.nan, np.nan
    squares = np.square(samples)
    starts = np.arange(0, len(squares), frame)
    lengths = np.diff(starts, append=len(squares))
    quiet = np.add.reduceat(squares, starts) / lengths < 10 ** (SILENCE_DBFS / 10)
    loudness = 10 * np.log10(max(float(squares.mean()), 10 ** (QUIETEST_DBFS / 10)))
    return float(loudness), float(np.average(quiet, weights=lengths))
