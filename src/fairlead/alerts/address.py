"""Where notifications may be sent: addresses are looked at before anybody connects to them.

Whoever may write a channel's URL must not reach through it what only this machine can: services
on loopback, in private networks, and the metadata of a cloud's machines.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from fairlead.errors import ConfigError, UnavailableError

IP = IPv4Address | IPv6Address

PORTS = {"http": 80, "https": 443}
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"))
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_SHARED = ip_network("100.64.0.0/10")
_HOST = re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart.

    Args:
        scheme: `http` or `https`.
        host: a name, or an address without brackets.
        port: of the host.
        path: with the query, from the first slash.
    """

    scheme: str
    host: str
    port: int
    path: str


def read_url(url: str) -> Target:
    """Take a URL apart.

    Raises:
        ConfigError: it is none that notifications are sent to. It is not repeated: it may hold a
            secret.

    Example:
        >>> read_url("https://hooks.example.com/a?b=1")
        Target(scheme='https', host='hooks.example.com', port=443, path='/a?b=1')
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ConfigError("The URL cannot be read.") from None
    if any(ord(c) <= 32 or ord(c) > 126 or c == "\\" for c in url):
        raise ConfigError("The URL has spaces or characters that URLs do not have.")
    if parts.scheme not in PORTS:
        raise ConfigError("The URL does not start with 'https://' or 'http://'.")
    if "@" in parts.netloc:
        raise ConfigError(
            "The URL holds a user or a password.", hint="Name a secret with 'secret_env' instead."
        )
    check_host(host)
    path = parts.path or "/"
    return Target(
        parts.scheme, host, port or PORTS[parts.scheme], f"{path}?{parts.query}".rstrip("?")
    )


def check_host(host: str) -> None:
    """Refuse hosts that are written such that readers do not agree what they are.

    Raises:
        ConfigError: it is neither a name nor an address in its usual form: `2130706433`,
            `0x7f.1` and `0177.0.0.1` are addresses to some.
    """
    try:
        if getattr(ip_address(host), "scope_id", None) is None:
            return
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        if _HOST.fullmatch(host) and not _NUMBER.fullmatch(last):
            return
    raise ConfigError(
        "The host is neither a name nor an address in its usual form.",
        hint="An address is written like 192.0.2.1 or [2001:db8::1].",
    )


def refuses(address: IP, *, allow_private: bool) -> bool:
    """Whether nothing is sent to an address.

    Args:
        address: resolved.
        allow_private: whether this machine and private networks are meant.

    Example:
        >>> refuses(ip_address("::ffff:127.0.0.1"), allow_private=False)
        True
        >>> refuses(ip_address("127.0.0.1"), allow_private=True)
        False
    """
    inner = _embedded(address)
    if inner is not None:
        return refuses(inner, allow_private=allow_private)
    if address in _METADATA or address.is_link_local or address.is_multicast:
        return True
    if address.is_unspecified or (address.version == 4 and address.is_reserved):
        return True
    near = address.is_loopback or address.is_private or address in _SHARED
    return not allow_private if near else address.is_reserved or not address.is_global


def _embedded(address: IP) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def resolve(host: str, port: int, *, allow_private: bool) -> list[tuple[str, int]]:
    """Find the addresses of a host, all of which may be connected to.

    Returns:
        Addresses and ports, to be used as they are: a second look might find others.

    Raises:
        UnavailableError: the host is not found, or one of its addresses is refused.
    """
    check_host(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnavailableError(f"The host '{host}' is not found.") from None
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        if "%" in address or refuses(ip_address(address), allow_private=allow_private):
            raise UnavailableError(
                f"The host '{host}' is at an address to which nothing is sent.",
                hint="If it is meant to be on this machine or in a private network: "
                "'allow_private = true' in its channel.",
            )
    return [(address, port) for address in dict.fromkeys(addresses)]
