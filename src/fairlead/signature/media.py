"""Pictures and sound, recognised by the bytes that their formats begin with."""

from __future__ import annotations

from typing import Literal

IMAGES = "a PNG, JPEG, GIF or WebP image"
SOUNDS = "a WAV, FLAC, MP3 or Ogg sound"


def media_kind(data: bytes) -> Literal["image", "audio"] | None:
    """What some bytes are, if they are a picture or a sound of a known format.

    Example:
        >>> media_kind(bytes([0x89]) + b"PNG" + bytes([13, 10, 26, 10])), media_kind(b"hello")
        ('image', None)
    """
    if data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")):
        return "image"
    if data.startswith(b"RIFF"):
        return {b"WEBP": "image", b"WAVE": "audio"}.get(data[8:12])  # type: ignore[return-value]
    if data.startswith((b"fLaC", b"ID3", b"OggS")) or _is_mpeg_frame(data):
        return "audio"
    return None


def _is_mpeg_frame(data: bytes) -> bool:
    """Whether it starts with the eleven set bits of an MPEG audio frame of layer 3."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2
