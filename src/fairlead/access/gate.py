"""The one place where a key is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairlead.access.decide import admit
from fairlead.access.limit import Bucket, share_of, take
from fairlead.access.secret import id_of, is_of, secret_of
from fairlead.access.types import Key, Scope
from fairlead.clock import Clock
from fairlead.errors import RateError, UnauthorizedError

HOW = "Send one as 'Authorization: Bearer <key>' or 'x-api-key: <key>'."


class Gate:
    """Lets in those whose key allows what they ask for.

    Args:
        find: the key of an id, if there is one.
        clock: for what has expired, and for limits.
        workers: among whom the limits are shared.
    """

    def __init__(self, find: Callable[[str], Key | None], clock: Clock, workers: int) -> None:
        self._find = find
        self._clock = clock
        self._workers = workers
        self._buckets: dict[str, Bucket] = {}

    def admit(self, headers: Mapping[bytes, bytes], scope: Scope, endpoint: str | None) -> Key:
        """Let a request in.

        Args:
            headers: names in lower case.
            scope: what the key must be for.
            endpoint: that is asked; empty if the request is about no single one, None if it is
                not known yet, and `check` is asked when it is.

        Returns:
            The key that it shows.

        Raises:
            UnauthorizedError: it shows none that is valid.
            ForbiddenError: the key is not for this.
            RateError: the key's limit is used up.
        """
        key = self.holder(secret_of(headers))
        self.allow(key, scope, endpoint)
        return key

    def allow(self, key: Key, scope: Scope, endpoint: str | None) -> None:
        """Let the holder of a key in; arguments and errors as of `admit`."""
        self.check(key, scope, endpoint)
        if key.rate is not None:
            self._take(key)

    def check(self, key: Key, scope: Scope, endpoint: str | None) -> None:
        """See what a key allows, beside its limit; arguments and errors as of `admit`."""
        refused = admit(key, scope, endpoint, self._clock.now_us())
        if refused is not None:
            raise refused

    def holder(self, secret: bytes | None) -> Key:
        """The key that a secret is of, whatever it allows.

        Raises:
            UnauthorizedError: there is none.
        """
        if not secret:
            raise UnauthorizedError("This needs a key.", hint=HOW)
        key = self._find(id_of(secret))
        if not is_of(secret, key) or key is None:
            raise UnauthorizedError("This key is not valid here.", hint=HOW)
        return key

    def named(self, key_id: str) -> Key:
        """The key of an id, for one who has shown its secret before.

        Raises:
            UnauthorizedError: there is none.
        """
        key = self._find(key_id)
        if key is None:
            raise UnauthorizedError("This key is not valid here.", hint=HOW)
        return key

    def _take(self, key: Key) -> None:
        limit = share_of(key, self._workers)
        assert limit is not None
        bucket = self._buckets.get(key.id)
        self._buckets[key.id], wait_s = take(bucket, limit, self._clock.monotonic_s())
        if wait_s:
            raise RateError(
                f"This key is good for {key.rate:g} requests a second, and they are used up.",
                retry_after_s=wait_s,
                hint="Send fewer, or more rows in each.",
            )
