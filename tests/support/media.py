"""Pictures and sounds of the formats that are told apart, made by other hands than ours."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import numpy.typing as npt
from PIL import Image


def picture(pixels: npt.NDArray[np.uint8], form: str = "PNG") -> bytes:
    """An image file of grey (height, width) or coloured (height, width, 3) pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def sound(samples: npt.NDArray[np.float64], rate: int = 8000, bytes_wide: int = 2) -> bytes:
    """A WAV file of one channel, full scale being 1."""
    scaled = np.rint(samples * (2 ** (8 * bytes_wide - 1) - 1)).astype("<i8")
    if bytes_wide == 1:
        scaled += 128
    raw = scaled.view(np.uint8).reshape(-1, 8)[:, :bytes_wide].tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(bytes_wide)
        writer.setframerate(rate)
        writer.writeframes(raw)
    return file.getvalue()


def float_sound(samples: npt.NDArray[np.float64], rate: int = 8000) -> bytes:
    """A WAV file of 32-bit floats in the extensible form, after a chunk of another kind."""
    raw = samples.astype("<f4").tobytes()
    plain = struct.pack("<HHIIHH", 0xFFFE, 1, rate, rate * 4, 4, 32)
    form = plain + struct.pack("<HHIH", 22, 32, 0, 3) + bytes(14)
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
        for name, body in ((b"LIST", b"odd"), (b"fmt ", form), (b"data", raw))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def flac_header(rate: int, samples: int) -> bytes:
    """The beginning of a FLAC file of one channel and 16 bits."""
    packed = rate << 44 | 15 << 36 | samples
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + info
