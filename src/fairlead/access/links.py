"""Publishes pages on which one endpoint can be tried, and takes them back."""

from __future__ import annotations

import hmac
import secrets
import threading

from msgspec.structs import replace

from fairlead.access.limit import Bucket, Limit, take
from fairlead.access.secret import ID_BYTES, RANDOM_BYTES, digest_of, id_of, write_secret
from fairlead.access.types import LINKS, Link
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, NotFoundError, RateError
from fairlead.store import ABSENT, Event, Put, Store

NAME_LENGTH_MAX = 100
DAYS, DAYS_MAX = 7.0, 90
RATE, RATE_MAX = 2.0, 100.0
"""Of a link, where nothing else is said; and at most."""
BURST_S = 5.0
"""Requests of so long may come at once."""
_DAY_US = 86_400_000_000
_NOBODY = "0" * 64


class LinkBook:
    """The published pages of a platform.

    Args:
        store: of the records.
        clock: for when they end, and for their limits.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def publish(
        self, endpoint: str, name: str, *, days: float, rate: float, actor: str
    ) -> tuple[Link, str]:
        """Let who has a link try an endpoint.

        Args:
            endpoint: its name; there is one.
            name: of the link, for people.
            days: after which it ends.
            rate: requests a second that it is good for.
            actor: who publishes it, for the audit.

        Returns:
            The link, and the secret of its address, which is kept nowhere.

        Raises:
            ConfigError: such a link would make no sense.
            ConflictError: a link in force has this name.
        """
        _check(name, days, rate)
        if any(link.name == name for link in self.in_force()):
            raise ConflictError(
                "There is a link of this name already.", hint="Take it back, or choose another."
            )
        now_us = self._clock.now_us()
        link = Link(
            id=secrets.token_hex(ID_BYTES),
            name=name,
            endpoint=endpoint,
            digest="",
            rate=rate,
            burst=max(1.0, rate * BURST_S),
            actor=actor,
            created_us=now_us,
            expires_us=now_us + round(days * _DAY_US),
        )
        secret = write_secret(link.id, secrets.token_bytes(RANDOM_BYTES))
        link = replace(link, digest=digest_of(secret.encode()))
        event = self._event(actor, "publish_link", link)
        self._store.commit(Put(LINKS, LINKS.key(link.id), link, ABSENT), events=[event])
        return link, secret

    def in_force(self) -> list[Link]:
        """Those that lead somewhere, oldest first."""
        found = (stored.value for stored in self._store.scan(LINKS))
        return sorted(filter(self._is_in_force, found), key=lambda link: (link.created_us, link.id))

    def find(self, secret: str) -> Link:
        """The link of a secret.

        Raises:
            NotFoundError: there is none, or none in force; which of it is not told.
        """
        link_id = id_of(secret.encode())
        stored = self._store.get(LINKS, LINKS.key(link_id)) if link_id else None
        kept = _NOBODY if stored is None else stored.value.digest
        fits = hmac.compare_digest(digest_of(secret.encode()), kept)
        link = None if stored is None else stored.value
        if not fits or link is None or not self._is_in_force(link):
            raise NotFoundError("This link leads nowhere: it has ended, or was taken back.")
        return link

    def take(self, link: Link) -> None:
        """Count one more request.

        Raises:
            RateError: it is good for fewer.
        """
        with self._lock:
            bucket, wait_s = take(
                self._buckets.get(link.id),
                Limit(link.rate, link.burst),
                self._clock.monotonic_s(),
            )
            self._buckets[link.id] = bucket
        if wait_s:
            raise RateError(
                "Too many use this page at the moment.", retry_after_s=wait_s, hint="Wait a moment."
            )

    def revoke(self, link_id: str, actor: str) -> Link:
        """Let a link lead nowhere from now on.

        Raises:
            NotFoundError: there is none in force of this id.
        """
        stored = self._store.get(LINKS, LINKS.key(link_id))
        if stored is None or not self._is_in_force(stored.value):
            raise NotFoundError("There is no link in force of this id.")
        revoked = replace(stored.value, revoked_us=self._clock.now_us())
        event = self._event(actor, "revoke_link", revoked)
        self._store.commit(Put(LINKS, stored.key, revoked, stored.revision), events=[event])
        return revoked

    def _is_in_force(self, link: Link) -> bool:
        return link.revoked_us is None and self._clock.now_us() < link.expires_us

    def _event(self, actor: str, action: str, link: Link) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=LINKS.key(link.id),
            detail={"name": link.name, "endpoint": link.endpoint},
        )


def _check(name: str, days: float, rate: float) -> None:
    """Refuse a link that would make no sense.

    Raises:
        ConfigError: says what is wrong.
    """
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH_MAX:
        raise ConfigError(f"A link's name is a line of at most {NAME_LENGTH_MAX} characters.")
    if not 0 < days <= DAYS_MAX:
        raise ConfigError(f"A link ends after more than 0 and at most {DAYS_MAX} days.")
    if not 0 < rate <= RATE_MAX:
        raise ConfigError(f"A link is good for more than 0 and at most {RATE_MAX:g} requests/s.")
