"""How often a password may be tried: for each name, and from each address."""

from __future__ import annotations

import ipaddress
import threading

from fairlead.access.limit import Bucket, Limit, take
from fairlead.clock import Clock
from fairlead.errors import RateError

OF_NAME = Limit(rate=1 / 15, burst=5.0)
OF_ADDRESS = Limit(rate=0.5, burst=20.0)
KEPT_MAX = 4096
"""Names, and addresses, that are remembered."""
LENGTH_MAX = 64
"""Of a name or an address: what differs later is nobody's."""
IPV6_PREFIX = 64
"""What one subscriber has of IPv6 addresses counts as one."""


class Attempts:
    """Lets so many through and no more, whether there is such a name or not.

    There is no limit for all together: a stranger would use it up, and lock everybody out.

    Args:
        clock: for how long it takes until the next one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._names: dict[str, Bucket] = {}
        self._addresses: dict[str, Bucket] = {}

    def take(self, name: str, address: str) -> None:
        """Count one more.

        Args:
            name: that is tried.
            address: of who tries it; behind a proxy that of the proxy.

        Raises:
            RateError: there were too many.
        """
        with self._lock:
            wait_s = self._wait_s(name[:LENGTH_MAX], _network(address), self._clock.monotonic_s())
        if wait_s:
            raise RateError(
                "Passwords were tried too often.", retry_after_s=wait_s, hint="Wait a moment."
            )

    def _wait_s(self, name: str, network: str, now_s: float) -> float:
        of_name, wait_s = take(self._names.get(name), OF_NAME, now_s)
        if wait_s:
            return wait_s
        of_address, wait_s = take(self._addresses.get(network), OF_ADDRESS, now_s)
        if wait_s:
            return wait_s
        self._names = _kept(self._names, OF_NAME, now_s)
        self._names[name] = of_name
        self._addresses = _kept(self._addresses, OF_ADDRESS, now_s)
        self._addresses[network] = of_address
        return 0.0


def _kept(buckets: dict[str, Bucket], limit: Limit, now_s: float) -> dict[str, Bucket]:
    """At most so many: of too many the half that was tried least is forgotten.

    A stranger must not fill the memory; and whoever floods it with names or addresses, each tried
    once, does not get one forgotten that was tried often.
    """
    if len(buckets) < KEPT_MAX:
        return buckets
    left = {one: b.tokens + (now_s - b.at_s) * limit.rate for one, b in buckets.items()}
    return {one: buckets[one] for one in sorted(left, key=left.__getitem__)[: KEPT_MAX // 2]}


def _network(address: str) -> str:
    """What counts as one address.

    Example:
        >>> _network("192.0.2.7"), _network("2001:db8::7"), _network("")
        ('192.0.2.7', '2001:db8::/64', '')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:LENGTH_MAX]  # as of a socket of this machine
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped or ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
