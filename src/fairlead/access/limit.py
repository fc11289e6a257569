"""How much of a key's limit is left: a token bucket as a value.

A limit is kept by each worker on its own, without a word between them: each has an equal share
of the rate and the burst. So the workers together never let more through than the key is good
for (but for a burst of one each), and a caller who uses one connection reaches one worker, and
that worker's share.
"""

from __future__ import annotations

import msgspec

from fairlead.access.types import Key


class Limit(msgspec.Struct, frozen=True):
    """How fast a bucket fills, and what it holds.

    Args:
        rate: requests a second.
        burst: requests at once; 1 or more.
    """

    rate: float
    burst: float


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """What was left at some moment.

    Args:
        tokens: requests.
        at_s: the moment, on the monotonic clock.
    """

    tokens: float
    at_s: float


def share_of(key: Key, workers: int) -> Limit | None:
    """One worker's part of a key's limit; None if it has none.

    Example:
        >>> key = Key(id="1", name="a", digest="", scopes=(), rate=100, burst=2, created_us=0)
        >>> share_of(key, 4)
        Limit(rate=25.0, burst=1.0)
    """
    if key.rate is None:
        return None
    return Limit(key.rate / workers, max(1.0, key.burst / workers))


def take(bucket: Bucket | None, limit: Limit, now_s: float) -> tuple[Bucket, float]:
    """Take one request out of a bucket.

    Args:
        bucket: as it was left; None for a full one.
        limit: of the bucket.
        now_s: on the monotonic clock.

    Returns:
        The bucket as it is now, and 0; or how many seconds it takes until there is one.

    Example:
        >>> limit = Limit(rate=2.0, burst=1.0)
        >>> bucket, wait_s = take(None, limit, now_s=0.0)
        >>> wait_s, take(bucket, limit, now_s=0.25)[1], take(bucket, limit, now_s=0.5)[1]
        (0.0, 0.25, 0.0)
    """
    if bucket is None:
        return Bucket(limit.burst - 1.0, now_s), 0.0
    tokens = min(limit.burst, bucket.tokens + (now_s - bucket.at_s) * limit.rate)
    if tokens < 1.0:
        return Bucket(tokens, now_s), (1.0 - tokens) / limit.rate
    return Bucket(tokens - 1.0, now_s), 0.0
