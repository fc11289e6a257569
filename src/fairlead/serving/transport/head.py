"""What the head of a request must be beyond what the parser asks: one way to read it, or none.

RFC 9112, sections 2.3 (version), 3.2 (target and Host), 6.1 (Transfer-Encoding).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

import httptools

from fairlead.serving.refusal import Refusal, refusal

ONCE = frozenset({b"host", b"transfer-encoding", b"authorization", b"x-api-key"})
"""Headers that frame a request or let it in: of two, another server could take the other."""

_HOST = re.compile(rb"([\w.~%-]+|\[[0-9a-fv:.]+\])(:\d{0,5})?", re.IGNORECASE | re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?@]+)", re.IGNORECASE)
_BROKEN_PERCENT = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_SLASH = re.compile("%2f", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def fault_of_head(version: str, headers: Mapping[bytes, bytes]) -> Refusal | None:
    """Why a request is refused by its version, host or framing; None if it is not.

    Args:
        version: of HTTP, as `1.1`.
        headers: names in lower case.

    Example:
        >>> fault_of_head("1.1", {b"host": b"localhost:8080"}) is None
        True
        >>> fault_of_head("1.1", {}).status
        400
    """
    if version not in ("1.0", "1.1"):
        return refusal(505, "This server speaks HTTP/1.1.")
    host = headers.get(b"host")
    if version == "1.1" and host is None:
        return refusal(400, "The request has no Host header.")
    if host is not None and not _HOST.fullmatch(host):
        return refusal(400, "The Host header is not a host, nor a host and a port.")
    coding = headers.get(b"transfer-encoding")
    if coding is None:
        return None
    if version == "1.0":
        return refusal(400, "HTTP/1.0 has no Transfer-Encoding.")
    if coding.strip().lower() != b"chunked":
        return refusal(501, "The only Transfer-Encoding that is taken is chunked.")
    return None


def split_target(target: bytes, host: bytes | None) -> tuple[str, bytes]:
    """The path, decoded but for slashes, and the query of a request's target.

    Args:
        target: as sent: a path, or a whole URL of this host.
        host: the header; None if there is none.

    Raises:
        ValueError: it is neither, or decodes to what no path may hold.

    Example:
        >>> split_target(b"/a%20b%2Fc?d=%20", b"x")
        ('/a b%2Fc', b'd=%20')
        >>> split_target(b"http://x/a", b"x")
        ('/a', b'')
    """
    if not target.startswith(b"/") and target != b"*":
        named = _ABSOLUTE.match(target)
        if not named or (host is not None and named[1].lower() != host.lower()):
            raise ValueError("not a URL of this host")
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise ValueError("not a URL") from None
    if url.fragment is not None:
        raise ValueError("a fragment is not sent")
    path = (url.path or b"/").decode("ascii")
    return _decoded(path) if "%" in path else path, url.query or b""


def _decoded(path: str) -> str:
    """A path whose encoded slashes stay so: they are part of a name, and end none."""
    if _BROKEN_PERCENT.search(path):
        raise ValueError("a percent sign that encodes nothing")
    decoded = "%2F".join(unquote(part, errors="strict") for part in _SLASH.split(path))
    if _CONTROL.search(decoded):
        raise ValueError("a control character")
    return decoded
