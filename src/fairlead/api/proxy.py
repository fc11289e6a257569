"""Requests of pages to the data plane, passed on so that a page speaks to its own origin alone."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from fairlead.api.types import Upstream
from fairlead.errors import UnavailableError
from fairlead.serving.message import Response

TIMEOUT_S = 60.0
PASSED = ("retry-after",)


def forward(upstream: Upstream, endpoint: str, door: str, body: bytes) -> Response:
    """Send a body to a door of an endpoint, and give back what the data plane replies.

    Args:
        upstream: the data plane.
        endpoint: its name.
        door: `predict` or `feedback`.
        body: as it came.

    Raises:
        UnavailableError: the data plane does not answer.
    """
    address = urlsplit(upstream.url)
    host, port = address.hostname or "", address.port
    connection = (
        HTTPConnection(host, port, timeout=TIMEOUT_S)
        if upstream.tls is None
        else HTTPSConnection(host, port, timeout=TIMEOUT_S, context=upstream.tls)
    )
    headers = {"content-type": "application/json"}
    if upstream.secret:
        headers["authorization"] = f"Bearer {upstream.secret}"
    path = f"/v1/endpoints/{quote(endpoint, safe='')}/{door}"
    try:
        connection.request("POST", path, body, headers)
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
