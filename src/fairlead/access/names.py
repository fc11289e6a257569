"""One name, one subject: the audit tells who did what by name alone."""

from __future__ import annotations

from fairlead.access.types import KEYS, USERS
from fairlead.errors import ConflictError
from fairlead.store import Store

RESERVED = frozenset({"api", "cli", "controller", "demo", "local", "notebook", "registry"})
"""By which the audit tells what no user and no key did."""


def check_free(store: Store, name: str) -> None:
    """Refuse a name that a user or a key in force has, or nobody may have.

    Raises:
        ConflictError: says which.
    """
    if name in RESERVED:
        raise ConflictError("This name has a meaning of its own.", hint="Choose another name.")
    if store.get(USERS, USERS.key(name)) is not None:
        raise ConflictError(f"There is a user '{name}' already.", hint="Choose another name.")
    keys = (stored.value for stored in store.scan(KEYS))
    if any(key.name == name and key.revoked_us is None for key in keys):
        raise ConflictError(
            f"There is a key '{name}' already.", hint="Revoke it, or choose another name."
        )
