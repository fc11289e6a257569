"""Requests of pages to the data plane, passed on so that a page speaks to its own origin alone."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

from fairlead.errors import UnavailableError
from fairlead.serving.message import Response

TIMEOUT_S = 60.0
SENT = ("content-type", "accept", "fairlead-timeout-ms")
PASSED = ("retry-after", "server-timing")


def forward(
    api_url: str, endpoint: str, door: str, body: bytes, query: str, headers: Mapping[str, str]
) -> Response:
    """Send a body to a door of an endpoint, and give back what the data plane replies.

    Args:
        api_url: of the data plane.
        endpoint: its name.
        door: `predict` or `feedback`.
        body: as it came.
        query: as it came, after the question mark.
        headers: as they came, by names in lower case.

    Raises:
        UnavailableError: the data plane does not answer.
    """
    address = urlsplit(api_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    path = f"/v1/endpoints/{quote(endpoint, safe='')}/{door}?{query}"
    sent = {name: headers[name] for name in SENT if name in headers}
    try:
        connection.request("POST", path, body, sent)
        reply = connection.getresponse()
        content_type = reply.headers.get("content-type", "application/json").encode()
        passed = tuple(
            (name.encode(), reply.headers[name].encode())
            for name in PASSED
            if name in reply.headers
        )
        return Response(reply.status, reply.read(), content_type, passed)
    except (OSError, HTTPException):
        raise UnavailableError("The data plane does not answer.") from None
    finally:
        connection.close()
