"""Makes keys and revokes them, in the store, with the audit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from fairlead.access.decide import LADDER
from fairlead.access.names import check_free
from fairlead.access.secret import ID_BYTES, RANDOM_BYTES, digest_of, write_secret
from fairlead.access.types import KEYS, SCOPES, Key, Scope
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.nearest import nearest
from fairlead.store import ABSENT, Event, Put, Store

NAME_LENGTH_MAX = 100
DAYS_MAX = 36_500
"""After which a key expires, at most: later times are none that a calendar has."""
_DAY_US = 86_400_000_000


class KeyBook:
    """The keys of a platform.

    Args:
        store: of the records.
        clock: for their times.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        endpoints: Sequence[str] | None = None,
        rate: float | None = None,
        burst: float | None = None,
        days: float | None = None,
        actor: str = "cli",
    ) -> tuple[Key, str]:
        """Make a key.

        Args:
            name: who or what will hold it.
            scopes: what it is for.
            endpoints: that it is for; all, also those to come, if None.
            rate: requests a second that it is good for; without limit if None.
            burst: requests that may come at once after a pause; those of a second if None.
            days: after which it is refused; never if None.
            actor: who makes it, for the audit.

        Returns:
            The key, and its secret, which is kept nowhere.

        Raises:
            ConfigError: such a key would make no sense.
            ConflictError: a user or a key in force has this name.
        """
        if days is not None and not 0 < days <= DAYS_MAX:
            raise ConfigError(f"A key expires after more than 0 and at most {DAYS_MAX} days.")
        now_us = self._clock.now_us()
        key = Key(
            id=secrets.token_hex(ID_BYTES),
            name=name,
            digest="",
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            endpoints=None if endpoints is None else tuple(endpoints),
            rate=rate,
            burst=max(1.0, rate or 1.0) if burst is None else burst,
            created_us=now_us,
            expires_us=None if days is None else now_us + round(days * _DAY_US),
        )
        _check(key)
        check_free(self._store, name)
        secret = write_secret(key.id, secrets.token_bytes(RANDOM_BYTES))
        return self.enter(key, secret, actor), secret

    def enter(self, key: Key, secret: str, actor: str) -> Key:
        """Put a key into force, under a secret that was made for it.

        Raises:
            ConflictError: there is a key of this id.
        """
        key = msgspec.structs.replace(key, digest=digest_of(secret.encode()))
        detail: dict[str, str | int | float | bool | None] = {
            "name": key.name,
            "scopes": " ".join(key.scopes),
            "endpoints": None if key.endpoints is None else " ".join(key.endpoints),
            "rate": key.rate,
        }
        event = self._event(actor, "create_key", key, detail)
        self._store.commit(Put(KEYS, KEYS.key(key.id), key, ABSENT), events=[event])
        return key

    def all_keys(self) -> list[Key]:
        """All keys, also those that are no longer valid, oldest first."""
        found = [stored.value for stored in self._store.scan(KEYS)]
        return sorted(found, key=lambda key: (key.created_us, key.id))

    def get(self, key_id: str) -> Key | None:
        """The key of an id, if there is one."""
        stored = self._store.get(KEYS, KEYS.key(key_id))
        return None if stored is None else stored.value

    def revoke(self, reference: str, actor: str = "cli") -> Key:
        """Refuse a key from now on; workers follow within moments.

        Args:
            reference: its id, or its name if no other key in force has that.
            actor: who revokes it, for the audit.

        Raises:
            NotFoundError: there is no such key in force.
            ConflictError: several have this name, or another has changed it meanwhile.
        """
        key = self._in_force(reference)
        stored = self._store.get(KEYS, KEYS.key(key.id))
        assert stored is not None
        revoked = msgspec.structs.replace(stored.value, revoked_us=self._clock.now_us())
        event = self._event(actor, "revoke_key", key, {"name": key.name})
        self._store.commit(Put(KEYS, stored.key, revoked, stored.revision), events=[event])
        return revoked

    def _in_force(self, reference: str) -> Key:
        keys = [key for key in self.all_keys() if key.revoked_us is None]
        found = [key for key in keys if key.id == reference]
        found = found or [key for key in keys if key.name == reference]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(key.id for key in found)
            raise ConflictError(f"Several keys have this name: {ids}.", hint="Name one by its id.")
        close = nearest(reference, [key.name for key in keys])
        raise NotFoundError(
            "There is no key in force of this name or id.",
            hint=f"Did you mean '{close}'?" if close else "'fairlead keys list' shows all.",
        )

    def _event(
        self, actor: str, action: str, key: Key, detail: dict[str, str | int | float | bool | None]
    ) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=KEYS.key(key.id),
            detail=detail,
        )


def _check(key: Key) -> None:
    """Refuse a key that would make no sense.

    Raises:
        ConfigError: says what is wrong.
    """
    if not key.scopes:
        raise ConfigError("A key needs a scope.", hint=f"There are {', '.join(SCOPES)}.")
    if not key.name.strip() or not key.name.isprintable() or len(key.name) > NAME_LENGTH_MAX:
        raise ConfigError(f"A key's name is a line of at most {NAME_LENGTH_MAX} characters.")
    wide = [scope for scope in LADDER if scope in key.scopes]
    if wide and key.endpoints is not None:
        raise ConfigError(
            f"The scope '{wide[0]}' is about the whole platform, so it is for all endpoints.",
            hint="Make two keys.",
        )
    if key.rate is not None and not 0 < key.rate < 1e9:
        raise ConfigError("A key's rate is a number of requests a second above 0.")
    if not 1 <= key.burst < 1e9:
        raise ConfigError("A key's burst is a number of requests, 1 or more.")
