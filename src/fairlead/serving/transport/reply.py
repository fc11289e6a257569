"""A reply as the bytes of HTTP/1.1."""

from __future__ import annotations

from http import HTTPStatus

from fairlead.serving.message import Response

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def reply_bytes(response: Response, date: bytes, *, keep_alive: bool, head: bool = False) -> bytes:
    r"""Write a reply.

    Args:
        response: to be written.
        date: the line of that name.
        keep_alive: whether the connection goes on after it.
        head: whether only its head was asked for.

    Example:
        >>> reply_bytes(Response(200, b"{}"), b"date: now\r\n", keep_alive=True).splitlines()[1:3]
        [b'date: now', b'content-type: application/json']
    """
    return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
        _STATUS_LINES[response.status],
        date,
        response.content_type,
        len(response.body),
        b"".join([b"%b: %b\r\n" % header for header in response.headers]),
        b"" if keep_alive else b"connection: close\r\n",
        b"" if head else response.body,
    )
