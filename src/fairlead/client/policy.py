"""Which requests may be sent again, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage

BACKOFF_S = 0.1
BACKOFF_S_MAX = 5.0
GATEWAY = (502, 503, 504)
REFUSED = (429, 503)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole.

    Args:
        status: of HTTP.
        headers: by name, in any case.
        body: all of it.
    """

    status: int
    headers: HTTPMessage
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """No reply came back, or not all of one.

    Args:
        reason: in words, to follow the name of the host.
        sent: whether the server may have got the request.
        timed_out: whether time ran out.
        final: whether it would go the same way again.
    """

    reason: str
    sent: bool
    timed_out: bool = False
    final: bool = False


def may_repeat(outcome: Reply | Failure, *, repeatable: bool) -> bool:
    """Whether to send a request again.

    Args:
        outcome: of the time before.
        repeatable: whether it does no harm if the server acts on the request twice.

    Example:
        >>> lost = Failure("ended the connection", sent=True)
        >>> may_repeat(lost, repeatable=False), may_repeat(lost, repeatable=True)
        (False, True)
    """
    if isinstance(outcome, Failure):
        return not outcome.final and (repeatable or not outcome.sent)
    if outcome.status in REFUSED and "retry-after" in outcome.headers:
        return True
    return repeatable and outcome.status in GATEWAY


def wait_s(attempt: int, outcome: Reply | Failure, share: float, now_us: int) -> float:
    """How long to wait before a request is sent again.

    Args:
        attempt: how often it was sent again already.
        outcome: of the time before; what its `Retry-After` asks for is kept.
        share: between 0 and 1, drawn anew each time, so that clients do not come back together.
        now_us: microseconds since 1970.

    Example:
        >>> [wait_s(n, Failure("refused", sent=False), 1.0, 0) for n in range(3)]
        [0.1, 0.2, 0.4]
    """
    ceiling_s: float = min(BACKOFF_S * 2**attempt, BACKOFF_S_MAX)
    backoff_s = ceiling_s * (1 + share) / 2
    if isinstance(outcome, Failure):
        return backoff_s
    return backoff_s + retry_after_s(outcome, now_us)


def retry_after_s(reply: Reply, now_us: int) -> float:
    """What `Retry-After` asks for, in seconds or as a date; 0 if it asks for nothing readable."""
    text = (reply.headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now_us / 1e6)
