"""A request and its reply as values: all that the data plane knows of a transport.

Values of this path are Structs: made once or more for each request, a frozen dataclass of ten
fields would cost two microseconds and a Struct costs a fifth of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
ARM_HEADER = b"fairlead-arm"
"""Names the arm that shall answer, whatever the route says; for those who operate the endpoint."""


class Request(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One request, read whole.

    Args:
        method: in capitals.
        path: percent-decoded, without the query.
        query: as sent, after the question mark.
        headers: names in lower case; of repeated ones the last.
        body: as sent.
        received_s: when it was complete, on the monotonic clock.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    received_s: float


class Response(msgspec.Struct, frozen=True, gc=False):
    """One reply.

    Args:
        status: of HTTP.
        body: as sent.
        content_type: of the body.
        headers: further ones, as name and value.
    """

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Reply = Callable[[Response], None]
"""Takes the reply; to be called exactly once, on the loop, at once or later."""

Handler = Callable[[Request, Reply], None]
"""Takes a request; calls `reply` once, now or later."""


def json_response(value: object, status: int = 200) -> Response:
    """A reply whose body is `value` as JSON."""
    return Response(status, msgspec.json.encode(value))
