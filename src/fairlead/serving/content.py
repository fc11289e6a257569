"""Compressed bodies, of any protocol: undone within the limit, and done where it is asked for."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from fairlead.errors import InputError, MediaTypeError, TooLargeError
from fairlead.serving.message import Request, Response
from fairlead.serving.types import Answer

COMPRESSED_BYTES_MIN = 4096
"""Smaller replies are sent as they are: compressing would cost more than it saves."""

LEVEL = 1
_TAKES_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS

Write = Callable[[Answer], Response]


def decompressed(request: Request, bytes_max: int) -> Request:
    """A request with its body as it was before it was compressed with gzip or deflate.

    Args:
        request: as it came.
        bytes_max: of the body, decompressed.

    Raises:
        MediaTypeError: it is compressed in another way.
        TooLargeError: it becomes larger than the limit; no more than that is decompressed.
        InputError: it is damaged.
    """
    given = request.headers.get(b"content-encoding")
    if given is None or not request.body:
        return request
    encoding = given.strip().lower()
    if encoding in (b"", b"identity"):
        return request
    if encoding in (b"gzip", b"x-gzip"):
        form = _GZIP
    elif encoding == b"deflate":
        form = _ZLIB if _has_zlib_header(request.body) else _RAW
    else:
        raise MediaTypeError(
            "The body is compressed in a way that is not taken.", hint="Use gzip or deflate."
        )
    return replace(request, body=_decompressed(request.body, form, bytes_max))


def _has_zlib_header(body: bytes) -> bool:
    """Whether it is zlib's form, as HTTP means by deflate; some clients send it bare."""
    return len(body) > 1 and body[0] & 15 == zlib.DEFLATED and not (body[0] << 8 | body[1]) % 31


def _decompressed(body: bytes, form: int, bytes_max: int) -> bytes:
    stream = zlib.decompressobj(form)
    try:
        plain = stream.decompress(body, bytes_max + 1)
    except zlib.error:
        raise InputError(
            "The body is not compressed as its header says, or damaged.",
            hint="Check the Content-Encoding header.",
        ) from None
    if len(plain) > bytes_max:
        raise TooLargeError(
            f"The request's body is larger than {bytes_max} bytes when decompressed.",
            hint="Send fewer rows at a time, or raise body_bytes_max under [server].",
        )
    if not stream.eof or stream.unused_data:
        raise InputError(
            "The compressed body ends too early, or something follows it.",
            hint="Send all of one compressed stream.",
        )
    return plain


def compressing(request: Request, write: Write) -> Write:
    """What writes the answer to a request, compressed if its caller asked and it is large."""
    given = request.headers.get(b"accept-encoding")
    if given is None or not _TAKES_GZIP.search(given):
        return write
    return partial(_write_compressed, write)


def _write_compressed(write: Write, answer: Answer) -> Response:
    response = write(answer)
    if len(response.body) < COMPRESSED_BYTES_MIN:
        return response
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    body = stream.compress(response.body) + stream.flush()
    headers = (
        *response.headers, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"),
    )  # fmt: skip
    return replace(response, body=body, headers=headers)
