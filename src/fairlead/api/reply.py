"""What doors share: who asks from where, and values as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request, Response


def actor_of(request: Request) -> str:
    """The name of who asks, for the audit; the guard has found it."""
    actor: str = request.state.actor
    return actor


def address_of(request: Request) -> str:
    """The address of who asks; empty if that is not known."""
    return "" if request.client is None else request.client.host


def as_json(value: Any, status: int = 200) -> Response:
    """A reply with a value."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
