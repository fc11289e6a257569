"""The record of a key."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from fairlead.records import Kind

Scope = Literal["predict", "feedback", "operate"]
"""What a key is for: ask endpoints, tell them what became true, run the platform."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; not the secret, which only its holder has.

    Args:
        id: names it in the secret and in the store.
        name: who or what holds it, for people.
        digest: SHA-256 of the secret, hex.
        scopes: what it is for; one does not include another.
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


KEYS = Kind("key", Key)
"""By id."""
