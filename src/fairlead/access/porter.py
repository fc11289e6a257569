"""Who asks: the one place where keys, users and links become callers."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from fairlead.access.attempts import Attempts
from fairlead.access.decide import grants
from fairlead.access.entries import EntryBook
from fairlead.access.gate import Gate
from fairlead.access.secret import secret_of
from fairlead.access.session import Session, Sessions
from fairlead.access.types import ROLES, SCOPES, Caller, Scope
from fairlead.access.users import UserBook
from fairlead.clock import Clock
from fairlead.errors import ForbiddenError, UnauthorizedError

LOCAL = Caller("local", SCOPES)
"""A program on a machine whose platform asks for no keys."""
OVER = "The session is over."


class Porter:
    """Tells who asks, and begins sessions.

    Args:
        gate: knows the keys.
        users: knows the users.
        entries: knows the links that sign in.
        sessions: writes and reads them.
        clock: for sessions that run out.
    """

    def __init__(
        self, gate: Gate, users: UserBook, entries: EntryBook, sessions: Sessions, clock: Clock
    ) -> None:
        self.sessions = sessions
        self._gate = gate
        self._users = users
        self._entries = entries
        self._clock = clock
        self._attempts = Attempts(clock)
        self._trying = threading.Lock()  # each try takes memory

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who sends a request; a key that is shown counts more than a session.

        Args:
            headers: names in lower case.

        Raises:
            UnauthorizedError: it shows neither key nor session that is valid.
        """
        secret = secret_of(headers)
        cookies = headers.get(b"cookie")
        found = None
        if secret is None and cookies is not None:
            found = self.sessions.read(cookies, self._clock.now_us())
        if found is None:
            key = self._gate.holder(secret)
            return Caller(key.name, key.scopes, key)
        return self._of_session(*found)

    def allow(self, caller: Caller, scope: Scope) -> None:
        """See that a caller may do something.

        Raises:
            UnauthorizedError: their key is no longer valid.
            ForbiddenError: they may not.
            RateError: their key's limit is used up.
        """
        if caller.key is not None:
            self._gate.allow(caller.key, scope, "")
        elif not grants(caller.scopes, scope):
            raise ForbiddenError(
                f"You may not do this: it needs the scope '{scope}'.",
                hint="An admin says who may do what.",
            )

    def by_key(self, secret: str) -> str:
        """Begin a session by a key; gives the value of `Set-Cookie`.

        Raises:
            UnauthorizedError: it is none that is valid.
            ForbiddenError: it is not for the pages.
            RateError: its limit is used up.
        """
        key = self._gate.holder(secret.encode())
        self._gate.allow(key, "view", "")
        return self._open(f"key:{key.id}")

    def by_password(self, name: str, password: str, address: str) -> str:
        """Begin a session by a password; gives the value of `Set-Cookie`.

        Args:
            name: of the user.
            password: theirs.
            address: from which it is tried; empty if that is not known.

        Raises:
            UnauthorizedError: name and password do not fit.
            RateError: passwords were tried too often.
        """
        self._attempts.take(name, address)
        with self._trying:
            user = self._users.signed_in(name, password)
        return self._open(f"user:{user.name}", user.stamp)

    def by_link(self, token: str) -> str:
        """Begin a session by a link, which is used up; gives the value of `Set-Cookie`.

        Raises:
            UnauthorizedError: the link is not good, or not any more.
        """
        entry = self._entries.use(token)
        return self._open(f"link:{entry.actor}", self._entries.stamp())

    def change_password(self, caller: Caller, old: str, new: str, address: str) -> str:
        """Give who asks another password; all sessions of theirs end but this one.

        Args:
            caller: who asks.
            old: their password.
            new: that they want.
            address: from which it is tried; empty if that is not known.

        Returns:
            The value of `Set-Cookie` with which the session goes on.

        Raises:
            ForbiddenError: they did not sign in with one, or the old one is another.
            ConfigError: the new one cannot be used.
            RateError: passwords were tried too often.
        """
        if not caller.has_password:
            raise ForbiddenError("You did not sign in with a password, so you have none to change.")
        self._attempts.take(caller.actor, address)
        with self._trying:
            user = self._users.change_password(caller.actor, old, new)
        return self._open(f"user:{user.name}", user.stamp)

    def leave(self, headers: Mapping[bytes, bytes]) -> str:
        """End the session of a request; gives the value of `Set-Cookie`.

        One that a link began may do everything: with it all others that links began end, in case
        somebody has a copy.

        Args:
            headers: names in lower case.
        """
        found = self.sessions.read(headers.get(b"cookie", b""), self._clock.now_us())
        if found is not None:
            way, _, name = found[0].subject.partition(":")
            if way == "link" and found[0].stamp == self._entries.stamp():
                self._entries.end_sessions(name)
        return self.sessions.close()

    def _open(self, subject: str, stamp: str = "") -> str:
        return self.sessions.open(subject, stamp, self._clock.now_us())

    def _of_session(self, session: Session, csrf: str) -> Caller:
        way, _, name = session.subject.partition(":")
        if way == "link":
            if session.stamp != self._entries.stamp():
                raise UnauthorizedError(OVER, hint="Sign in again.")
            return Caller(name, SCOPES, None, csrf)
        if way == "user":
            user = self._users.get(name)
            if user is None or user.stamp != session.stamp:
                raise UnauthorizedError(OVER, hint="Sign in again.")
            return Caller(user.name, ROLES[user.role], None, csrf, has_password=True)
        key = self._gate.named(name)
        return Caller(key.name, key.scopes, key, csrf)
