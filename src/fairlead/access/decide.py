"""Whether what is asked for is allowed."""

from __future__ import annotations

from collections.abc import Collection

from fairlead.access.types import ROLES, Key, Role, Scope
from fairlead.errors import FairleadError, ForbiddenError, UnauthorizedError

ANOTHER = "Ask who runs the platform for another."
LADDER: tuple[Scope, ...] = ("view", "review", "operate", "admin")
"""Each includes those before it; `predict` and `feedback` stand for themselves."""


def grants(scopes: Collection[Scope], wanted: Scope) -> bool:
    """Whether scopes allow what another one is needed for.

    Example:
        >>> grants(["operate"], "view"), grants(["view"], "operate"), grants(["admin"], "predict")
        (True, False, False)
    """
    if wanted not in LADDER:
        return wanted in scopes
    return any(scope in scopes for scope in LADDER[LADDER.index(wanted) :])


def role_of(scopes: Collection[Scope]) -> Role | None:
    """The greatest role whose work scopes allow; None if there is none.

    Example:
        >>> role_of(["operate"]), role_of(["predict"])
        ('operator', None)
    """
    found: Role | None = None
    for role, scope in zip(ROLES, LADDER, strict=True):
        found = role if grants(scopes, scope) else found
    return found


def admit(key: Key, scope: Scope, endpoint: str | None, now_us: int) -> FairleadError | None:
    """Why a key does not allow something; None if it does.

    Only the holder of the key's secret gets to read the reason.

    Args:
        key: whose secret was shown.
        scope: what it must be for.
        endpoint: that is asked; empty if the question is about no single one, which a key for
            some endpoints only does not allow; None where it is not known yet, and is asked
            again when it is.
        now_us: microseconds since 1970.

    Returns:
        UnauthorizedError: the key is no longer valid.
        ForbiddenError: it is not for this.

    Example:
        >>> key = Key(id="1", name="shop", digest="", scopes=("predict",), created_us=0)
        >>> admit(key, "predict", "churn", now_us=1) is None
        True
        >>> admit(key, "feedback", "churn", now_us=1).message
        "This key is not for this: it lacks the scope 'feedback'."
    """
    if key.revoked_us is not None:
        return UnauthorizedError("This key has been revoked.", hint=ANOTHER)
    if key.expires_us is not None and now_us >= key.expires_us:
        return UnauthorizedError("This key has expired.", hint=ANOTHER)
    if not grants(key.scopes, scope):
        return ForbiddenError(
            f"This key is not for this: it lacks the scope '{scope}'.", hint=ANOTHER
        )
    if endpoint is not None and key.endpoints is not None and endpoint not in key.endpoints:
        what = "for this endpoint" if endpoint else "for all endpoints, which this path is about"
        return ForbiddenError(f"This key is not {what}.", hint=ANOTHER)
    return None
