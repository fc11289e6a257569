"""Adds users and lets them go, in the store, with the audit."""

from __future__ import annotations

import secrets

from msgspec.structs import replace

from fairlead.access.names import check_free
from fairlead.access.password import COST, Cost, fits, keep
from fairlead.access.types import ROLES, USERS, Role, User
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ForbiddenError, NotFoundError, UnauthorizedError
from fairlead.names import check_name
from fairlead.nearest import nearest
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored

STAMP_BYTES = 8


class UserBook:
    """The users of a platform.

    Args:
        store: of the records.
        clock: for their times.
        cost: of a try of a password.
    """

    def __init__(self, store: Store, clock: Clock, cost: Cost = COST) -> None:
        self._store = store
        self._clock = clock
        self._cost = cost

    def add(self, name: str, role: Role, password: str, actor: str = "cli") -> User:
        """Let a person sign in.

        Args:
            name: theirs.
            role: what they may do.
            password: that they sign in with.
            actor: who adds them, for the audit.

        Raises:
            ConfigError: the name or the password is none that can be used.
            ConflictError: there is a user or a key of this name.
        """
        check_name(name, "user")
        _check_role(role)
        check_free(self._store, name)
        now_us = self._clock.now_us()
        user = User(
            name=name,
            role=role,
            password=keep(password, self._cost),
            stamp=secrets.token_hex(STAMP_BYTES),
            created_us=now_us,
            changed_us=now_us,
        )
        event = self._event(actor, "add_user", user)
        self._store.commit(Put(USERS, USERS.key(name), user, ABSENT), events=[event])
        return user

    def all_users(self) -> list[User]:
        """All of them, by name."""
        return [stored.value for stored in self._store.scan(USERS)]

    def get(self, name: str) -> User | None:
        """The user of a name, if there is one."""
        stored = self._store.get(USERS, USERS.key(name))
        return None if stored is None else stored.value

    def set_role(self, name: str, role: Role, actor: str = "cli") -> User:
        """Let a user do other things from now on; their sessions end.

        Raises:
            NotFoundError: there is no such user.
        """
        _check_role(role)
        stored = self._stored(name)
        return self._put(stored, replace(stored.value, role=role), actor, "change_role")

    def set_password(self, name: str, password: str, actor: str = "cli") -> User:
        """Give a user another password; their sessions end.

        Raises:
            NotFoundError: there is no such user.
            ConfigError: it cannot be used.
        """
        return self._give(self._stored(name), password, actor)

    def change_password(self, name: str, old: str, new: str) -> User:
        """Let a user have another password; their sessions end.

        Args:
            name: theirs; who does it, for the audit.
            old: their password.
            new: that they want.

        Raises:
            ForbiddenError: the old one is another.
            ConfigError: the new one cannot be used.
            ConflictError: it was changed in this moment.
        """
        stored = self._store.get(USERS, USERS.key(name))
        if stored is None or not fits(old, stored.value.password, self._cost):
            raise ForbiddenError("The old password is not right.")
        return self._give(stored, new, name)

    def remove(self, name: str, actor: str = "cli") -> User:
        """Let a user in no more; their sessions end.

        Raises:
            NotFoundError: there is no such user.
        """
        stored = self._stored(name)
        event = self._event(actor, "remove_user", stored.value)
        self._store.commit(Delete(stored.key, stored.revision), events=[event])
        return stored.value

    def signed_in(self, name: str, password: str) -> User:
        """The user who has a password; a wrong name takes as long and is told no more.

        Raises:
            UnauthorizedError: there is none.
        """
        user = self.get(name)
        if not fits(password, None if user is None else user.password, self._cost) or (
            user is None
        ):
            raise UnauthorizedError("Name and password do not fit.")
        return user

    def _stored(self, name: str) -> Stored[User]:
        stored = self._store.get(USERS, USERS.key(name))
        if stored is not None:
            return stored
        close = nearest(name, [user.name for user in self.all_users()])
        raise NotFoundError(
            "There is no user of this name.",
            hint=f"Did you mean '{close}'?" if close else "'fairlead users list' shows all.",
        )

    def _give(self, stored: Stored[User], password: str, actor: str) -> User:
        kept = keep(password, self._cost)
        return self._put(stored, replace(stored.value, password=kept), actor, "change_password")

    def _put(self, stored: Stored[User], user: User, actor: str, action: str) -> User:
        stamp, now_us = secrets.token_hex(STAMP_BYTES), self._clock.now_us()
        user = replace(user, stamp=stamp, changed_us=now_us)
        event = self._event(actor, action, user)
        self._store.commit(Put(USERS, stored.key, user, stored.revision), events=[event])
        return user

    def _event(self, actor: str, action: str, user: User) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=USERS.key(user.name),
            detail={"name": user.name, "role": user.role},
        )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise ConfigError("There is no such role.", hint=f"There are {', '.join(ROLES)}.")
