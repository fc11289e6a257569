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


def media_type(data: bytes) -> str:
    """The media type that browsers show some bytes as, of the same formats.

    Example:
        >>> media_type(b"GIF89a"), media_type(b"RIFF0000WAVE"), media_type(b"<script>")
        ('image/gif', 'audio/wav', 'application/octet-stream')
    """
    kind = media_kind(data)
    for start, name in _TYPES:
        if kind is not None and data.startswith(start):
            return name
    if kind is not None and data.startswith(b"RIFF"):
        return "image/webp" if kind == "image" else "audio/wav"
    return "audio/mpeg" if kind == "audio" else "application/octet-stream"


_TYPES = (
    (b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"),
)  # fmt: skip


def _is_mpeg_frame(data: bytes) -> bool:
    """Whether it starts with the eleven set bits of an MPEG audio frame of layer 3."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2
