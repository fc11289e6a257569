"""The doors of the audit and of channels: who did what, and whether anybody would hear of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.store import Event, Store

PAGE = 50
PAGE_MAX = 500
LOOKED_AT_MAX = 20_000
"""Events that are looked at for one page; what is further back is asked for by `before`."""
CHUNK = 1000

Text = Annotated[str, Query(max_length=200)]


def build_audit(services: Services) -> APIRouter:
    """Their list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/audit")
    def audit(
        before: Annotated[int, Query(ge=0, lt=2**62)] = 0,
        subject: Text = "",
        actor: Text = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE,
    ) -> Response:
        found, older = services.audit(before, subject, actor, limit)
        return as_json({"events": found, "before": older})

    @doors.get("/v1/channels")
    def channels() -> Response:
        found = services.channels()
        return as_json({"channels": [{"name": n, "kind": found[n].kind} for n in sorted(found)]})

    @doors.post("/v1/channels/{channel}/test")
    def test(channel: str, request: Request) -> Response:
        return as_json({"notification": services.try_channel(channel, actor_of(request))})

    return doors


def look_back(
    store: Store, before: int, subject: str, actor: str, limit: int
) -> tuple[list[Event], int]:
    """A page of the audit, newest first.

    Args:
        store: that holds it.
        before: the number of an event, of which only older ones count; 0 for the newest.
        subject: what subjects begin with.
        actor: whose doing it was; anybody's if empty.
        limit: how many at most.

    Returns:
        The events, and what to give as `before` for the next page; 0 if there is none.
    """
    found: list[Event] = []
    looked_at = 0
    while looked_at < LOOKED_AT_MAX:
        chunk = store.recent(before, subject, CHUNK)
        for event in chunk:
            before, looked_at = event.sequence, looked_at + 1
            if actor in ("", event.actor):
                found.append(event)
                if len(found) == limit:
                    return found, before
        if len(chunk) < CHUNK:
            return found, 0
    return found, before
