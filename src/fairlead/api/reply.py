"""What doors share: who asks from where, and values as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request, Response

from fairlead.access import Caller


def caller_of(request: Request) -> Caller:
    """Who asks, as the guard found."""
    caller: Caller = request.state.caller
    return caller


def actor_of(request: Request) -> str:
    """The name of who asks, for the audit."""
    return caller_of(request).actor


def address_of(request: Request) -> str:
    """The address of who asks; empty if that is not known."""
    return "" if request.client is None else request.client.host


def as_json(value: Any, status: int = 200) -> Response:
    """A reply with a value."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
