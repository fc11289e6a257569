"""Which web pages may send requests here.

A browser sends what any page tells it to, also to servers on the user's own machine. It names
the server in `Host`, which tells a rebound domain name from ours, and the page's site in
`Origin`. Programs are free to say what they like in both, and are none of this module's concern:
keys are for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["unreadable", "misdirected", "foreign"]


@dataclass(frozen=True, slots=True)
class Sites:
    """Where browsers may send requests from and to.

    Args:
        hosts: names that the Host header may have, without the port; any if empty.
        origins: of other sites whose pages may send requests, as in their Origin header, e.g.
            `https://app.example`.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[bytes] = frozenset()


def fault_of(sites: Sites, host: bytes | None, origin: bytes | None) -> Fault | None:
    """What is wrong with where a request comes from; None if nothing is.

    Args:
        sites: that are allowed.
        host: the header; None if there is none, which no browser does.
        origin: likewise; of pages. A page of this very server names the host here.

    Example:
        >>> ours = Sites(frozenset({"localhost"}), frozenset({b"https://app.example"}))
        >>> fault_of(ours, b"localhost:8080", b"http://localhost:8080") is None
        True
        >>> fault_of(ours, b"localhost:8080", b"https://app.example") is None
        True
        >>> fault_of(ours, b"localhost:8080", b"https://evil.example")
        'foreign'
        >>> fault_of(ours, b"evil.example:8080", None)
        'misdirected'
    """
    named = None if host is None else host.decode("latin-1").lower()
    try:
        name = None if named is None else urlsplit(f"//{named}").hostname
        site = None if origin is None else urlsplit(origin.decode("latin-1").lower()).netloc
    except ValueError:  # no address at all
        return "unreadable"
    if named is not None and sites.hosts and name not in sites.hosts:
        return "misdirected"
    ours = origin is None or (site and site == named)
    return None if ours or origin in sites.origins else "foreign"
