"""Links that sign in once, for who can read the home."""

from __future__ import annotations

import secrets

from fairlead.access.secret import digest_of
from fairlead.access.types import ENTRIES, STAMPS, Entry, Stamp
from fairlead.clock import Clock
from fairlead.errors import ConflictError, UnauthorizedError
from fairlead.store import ABSENT, Delete, Event, Put, Store

LIFE_S = 900
TOKEN_BYTES = 32
TOKEN_LENGTH_MAX = 100
STAMP_BYTES = 8
_STAMP = STAMPS.key("home")


class EntryBook:
    """The links that nobody has used yet, and the end of the sessions that others began.

    Args:
        store: of the records.
        clock: for when they end.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def make(self, actor: str) -> str:
        """What to put into a link; kept nowhere.

        Args:
            actor: who asks for it, and will be who signed in.
        """
        now_us = self._clock.now_us()
        over = [stored for stored in self._store.scan(ENTRIES) if stored.value.until_us <= now_us]
        token = secrets.token_urlsafe(TOKEN_BYTES)
        entry = Entry(actor=actor, until_us=now_us + LIFE_S * 1_000_000)
        self._store.commit(
            Put(ENTRIES, _key(token), entry, ABSENT),
            *(Delete(stored.key, None) for stored in over),
        )
        return token

    def use(self, token: str) -> Entry:
        """Use a link up.

        Raises:
            UnauthorizedError: it is none, was used, or has ended.
        """
        used = UnauthorizedError(
            "This link has been used, or is too old: 'fairlead link' prints another."
        )
        stored = self._store.get(ENTRIES, _key(token)) if len(token) < TOKEN_LENGTH_MAX else None
        now_us = self._clock.now_us()
        if stored is None or stored.value.until_us <= now_us:
            raise used
        actor = stored.value.actor
        event = Event(time_us=now_us, actor=actor, action="sign_in", subject=f"user/{actor}")
        try:
            self._store.commit(Delete(stored.key, stored.revision), events=[event])
        except ConflictError:  # another was faster
            raise used from None
        return stored.value

    def stamp(self) -> str:
        """What a session that a link begins now carries, as long as it is good."""
        stored = self._store.get(STAMPS, _STAMP)
        return "" if stored is None else stored.value.value

    def end_sessions(self, actor: str) -> None:
        """End all sessions that links began.

        Args:
            actor: who ends them, for the audit.
        """
        stamp = Stamp(secrets.token_hex(STAMP_BYTES))
        now_us = self._clock.now_us()
        event = Event(time_us=now_us, actor=actor, action="end_sessions", subject=f"user/{actor}")
        self._store.commit(Put(STAMPS, _STAMP, stamp, None), events=[event])


def _key(token: str) -> str:
    return ENTRIES.key(digest_of(token.encode()))
