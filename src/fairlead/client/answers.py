"""Replies as values, and replies that tell of errors as Fairlead's own."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from fairlead.client.policy import Reply, retry_after_s
from fairlead.errors import FairleadError, InputError, Problem, UnavailableError

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Predicted(msgspec.Struct, frozen=True):
    """The reply to rows."""

    predictions: list[dict[str, Any]]


class Accepted(msgspec.Struct, frozen=True):
    """The reply to feedback."""

    accepted: int


class Listed(msgspec.Struct, frozen=True):
    """The reply that lists endpoints."""

    endpoints: list[dict[str, Any]]


class Ready(msgspec.Struct, frozen=True):
    """The reply that tells how a worker is."""

    ready: bool


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _Error


def _tree(root: type[FairleadError]) -> dict[str, type[FairleadError]]:
    """The kind of each code; one that has its code of its parent stands behind it."""
    found: dict[str, type[FairleadError]] = {}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found | {root.code: root}


_KINDS: dict[str, type[FairleadError]] = {
    **_tree(FairleadError),
    "bad_request": InputError,
    "too_large": InputError,
}


def read_reply(reply: Reply, form: type[T], host: str, now_us: int) -> T:
    """Decode a reply.

    Args:
        reply: as it came.
        form: of the body of a reply that is no error.
        host: whose reply it is, for errors.
        now_us: microseconds since 1970.

    Raises:
        FairleadError: the one that the reply tells of.
        UnavailableError: the reply is not one of Fairlead's.
    """
    try:
        if 200 <= reply.status < 300:
            return msgspec.json.decode(reply.body, type=form)
        told = msgspec.json.decode(reply.body, type=_ErrorBody).error
    except UNREADABLE:
        raise not_ours(reply, host, now_us) from None
    raise _error(told, retry_after_s(reply, now_us))


def not_ours(reply: Reply, host: str, now_us: int) -> UnavailableError:
    """The error that tells of a reply that no Fairlead has written."""
    return UnavailableError(
        f"The reply of {host}, with status {reply.status}, is not one of Fairlead's.",
        retry_after_s=retry_after_s(reply, now_us) or 1.0,
        hint="Look whether the address is that of the API, and what stands before it.",
    )


def _error(told: _Error, after_s: float) -> FairleadError:
    kind = _KINDS.get(told.code, FairleadError)
    if issubclass(kind, InputError):
        return kind(told.message, told.problems, hint=told.hint)
    if issubclass(kind, UnavailableError):
        return kind(told.message, retry_after_s=after_s or 1.0, hint=told.hint)
    return kind(told.message, hint=told.hint)
