"""The values of this package: keys, users, links, and who asks."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from fairlead.records import Kind

Scope = Literal["predict", "feedback", "view", "review", "operate", "admin"]
"""What one may do: ask endpoints, tell them what became true, look at the platform, decide what is
left to people, run the platform, say who else may."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

Role = Literal["viewer", "reviewer", "operator", "admin"]
"""What a user is."""

ROLES: dict[Role, tuple[Scope, ...]] = {
    "viewer": ("view",),
    "reviewer": ("view", "review"),
    "operator": ("view", "review", "operate"),
    "admin": SCOPES,
}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; not the secret, which only its holder has.

    Args:
        id: names it in the secret and in the store.
        name: who or what holds it, for people.
        digest: SHA-256 of the secret, hex.
        scopes: what it is for.
        endpoints: that it is for; all of them if None.
        rate: requests a second that it is good for on the data plane; without limit if None.
        burst: requests that may come at once after a pause.
        created_us: when it was made, microseconds since 1970.
        expires_us: from when on it is refused; never if None.
        revoked_us: when it was revoked; None while it was not.
    """

    id: str
    name: str
    digest: str
    scopes: tuple[Scope, ...]
    endpoints: tuple[str, ...] | None = None
    rate: float | None = None
    burst: float = 1.0
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None


class Password(msgspec.Struct, frozen=True):
    """What is kept of a password: scrypt of it, with what that was made with.

    Args:
        salt: hex.
        n: cost in time and memory, a power of two.
        r: size of blocks.
        p: how often over.
        digest: hex.
    """

    salt: str
    n: int
    r: int
    p: int
    digest: str


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who signs in.

    Args:
        name: theirs.
        role: what they may do.
        password: what is kept of it.
        stamp: another one after each change of role or password; sessions that began with
            another one are over.
        created_us: when they were added, microseconds since 1970.
        changed_us: when role or password were changed last.
    """

    name: str
    role: Role
    password: Password
    stamp: str
    created_us: int
    changed_us: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A link that signs in once.

    Args:
        actor: who asked for it, by whose name the audit tells what is done.
        until_us: when it ends if nobody uses it, microseconds since 1970.
    """

    actor: str
    until_us: int


class Stamp(msgspec.Struct, frozen=True):
    """What sessions that links began carry; those with another one are over.

    Args:
        value: another one each time that sessions are ended.
    """

    value: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A published page on which one endpoint can be tried.

    Args:
        id: names it in its address and in the store.
        name: for people; rows that come by it are of this unit.
        endpoint: that is tried.
        digest: SHA-256 of the secret in its address, hex.
        rate: requests a second that it is good for.
        burst: requests that may come at once after a pause.
        actor: who published it.
        created_us: when, microseconds since 1970.
        expires_us: from when on it leads nowhere.
        revoked_us: when it was revoked; None while it was not.
    """

    id: str
    name: str
    endpoint: str
    digest: str
    rate: float
    burst: float
    actor: str
    created_us: int
    expires_us: int
    revoked_us: int | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who asks the control plane for something.

    Args:
        actor: their name, as the audit tells it.
        scopes: what they may do.
        key: that they showed or signed in with, if it was by one.
        csrf: the word that their changes must carry; empty if they have no session.
        has_password: whether it is a user, in a session that their password began.
    """

    actor: str
    scopes: tuple[Scope, ...]
    key: Key | None = None
    csrf: str = ""
    has_password: bool = False


KEYS = Kind("key", Key)
"""By id."""
USERS = Kind("user", User)
"""By name."""
ENTRIES = Kind("entry", Entry)
"""By the SHA-256 of what stands in the link."""
STAMPS = Kind("entry_stamp", Stamp)
"""One for the home."""
LINKS = Kind("link", Link)
"""By id."""
