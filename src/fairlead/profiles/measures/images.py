"""Of pictures: their form and, with Pillow, how they look."""

from __future__ import annotations

import io
import warnings
from collections import Counter

import numpy as np

from fairlead.profiles.categories import Tally
from fairlead.profiles.measures.media import (
    Said,
    bytes_of,
    numbers_of,
    read_measures,
    sizes,
    write_measures,
)
from fairlead.signature import Column, Numbers

SIDE = 256
"""Pixels along the longer side, to which a picture is reduced before it is looked at."""

PIXELS_MAX = 2**26

NAMES = ("width", "height", "brightness", "contrast", "sharpness")

_NOTHING = (np.nan,) * 5


def measure_images(column: Column) -> dict[str, Numbers | Tally]:
    """Size in bytes and, with Pillow, width, height, mode, brightness, contrast, sharpness.

    Brightness and contrast are mean and standard deviation of grey between 0 and 1; sharpness
    is the variance of its Laplacian. All three are of the picture reduced to 256 pixels along
    its longer side; of one of more than 67 million pixels they are missing, as all is of one
    that cannot be read.

    Args:
        column: bytes, or None where one is missing, or what the log kept of them.
    """
    found: dict[str, Numbers | Tally] = {"size_bytes": sizes(column)}
    pictures = bytes_of(column)
    if pictures is None:
        return {**found, **_said(read_measures(column))}
    if not _can_look():
        return found
    modes: dict[str | bool | float | None, int] = {}
    rows = []
    for data in pictures:
        mode, *numbers = (None, *_NOTHING) if data is None else _look(data)
        modes[mode] = modes.get(mode, 0) + 1
        rows.append(numbers)
    table = np.array(rows, dtype=np.float64).reshape(-1, len(_NOTHING))
    return {**found, "mode": modes, **dict(zip(NAMES, table.T, strict=True))}


def describe_image(data: bytes) -> str:
    """The measures of a picture as the log keeps them; nothing without Pillow."""
    if not _can_look():
        return ""
    mode, *numbers = _look(data)
    return write_measures({"mode": mode, **dict(zip(NAMES, numbers, strict=True))})


def _said(said: list[Said]) -> dict[str, Numbers | Tally]:
    """Of descriptions, if any of them has measures."""
    if not any(said):
        return {}
    modes: Counter[str | bool | float | None] = Counter(each.get("mode") for each in said)
    return {"mode": modes, **{name: numbers_of(said, name) for name in NAMES}}


def _can_look() -> bool:
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return False
    return True


def _look(data: bytes) -> tuple[str | None, float, float, float, float, float]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage, and of sizes, which are bounded here
            with Image.open(io.BytesIO(data)) as image:
                width, height, mode = image.width, image.height, image.mode
                if width * height > PIXELS_MAX:
                    return mode, width, height, np.nan, np.nan, np.nan
                image.draft("L", (SIDE, SIDE))  # JPEG is decoded no larger than needed
                grey = image.convert("L")
                grey.thumbnail((SIDE, SIDE))
                return mode, width, height, *_appearance(np.asarray(grey, np.float64) / 255)
    except Exception:  # whatever hostile bytes make of a decoder
        return None, *_NOTHING


def _appearance(grey: Numbers) -> tuple[float, float, float]:
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    sharpness = float((around - 4 * inner).var()) if inner.size else np.nan
    return float(grey.mean()), float(grey.std()), sharpness
