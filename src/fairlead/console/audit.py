"""The page of who did what."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from fairlead.api import Services
from fairlead.api.audit import PAGE, Text
from fairlead.console.page import show
from fairlead.console.tell import describe, reason_of

ABOUT = ("release", "alert", "silence", "job", "version", "key", "user", "link", "channel")
"""What the page can be narrowed to, as subjects begin."""


def build_audit_page(services: Services) -> APIRouter:
    """The route of the page.

    Args:
        services: the platform behind it.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/audit")
    def audit(
        request: Request,
        before: Annotated[int, Query(ge=0, lt=2**62)] = 0,
        subject: Text = "",
        actor: Text = "",
    ) -> Response:
        events, older = services.audit(before, subject.strip(), actor.strip(), PAGE)
        following = {"before": older, "subject": subject, "actor": actor}
        return show(
            request, "audit.html",
            events=[(event, describe(event), reason_of(event)) for event in events],
            older=f"/audit?{urlencode(following)}" if older else "",
            newest=before == 0, subject=subject, actor=actor, about=ABOUT,
        )  # fmt: skip

    return router
