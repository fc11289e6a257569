"""Whether a key allows what is asked for."""

from __future__ import annotations

from fairlead.access.types import Key, Scope
from fairlead.errors import FairleadError, ForbiddenError, UnauthorizedError

ANOTHER = "Ask who runs the platform for another."


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
    if scope not in key.scopes:
        return ForbiddenError(
            f"This key is not for this: it lacks the scope '{scope}'.", hint=ANOTHER
        )
    if endpoint is not None and key.endpoints is not None and endpoint not in key.endpoints:
        what = "for this endpoint" if endpoint else "for all endpoints, which this path is about"
        return ForbiddenError(f"This key is not {what}.", hint=ANOTHER)
    return None
