"""The console, put together: its list of routes, and the stream of live values."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from fairlead.api import Guard, Services
from fairlead.api.reply import actor_of
from fairlead.console.alerts import build_alerts_page
from fairlead.console.audit import build_audit_page
from fairlead.console.docs import build_docs
from fairlead.console.endpoint import build_endpoint
from fairlead.console.feed import Feed
from fairlead.console.jobs import build_jobs_pages
from fairlead.console.learners import build_learners_pages
from fairlead.console.live import news
from fairlead.console.login import build_login
from fairlead.console.models import build_models_pages
from fairlead.console.overview import build_overview
from fairlead.console.releases import build_releases_page
from fairlead.console.review import build_review_pages
from fairlead.console.settings import build_settings
from fairlead.console.shared import build_shared
from fairlead.console.static import build_static
from fairlead.console.tryit import build_tryit
from fairlead.console.updates import build_updates_pages


@dataclass(frozen=True)
class Console:
    """The pages.

    Args:
        routers: their routes.
        feed: their live values; to be closed when the server shall end.
    """

    routers: tuple[APIRouter, ...]
    feed: Feed


def build_console(services: Services, guard: Guard) -> Console:
    """Put the pages together.

    Args:
        services: the platform behind them.
        guard: who is let in.
    """
    feed = Feed(lambda: news(services))
    routers = [
        build_overview(services),
        build_endpoint(services),
        build_models_pages(services),
        build_alerts_page(services),
        build_jobs_pages(services),
        build_updates_pages(services),
        build_learners_pages(services),
        build_releases_page(services),
        build_tryit(services, keys=guard.keys),
        build_review_pages(services),
        build_docs(services),
        build_static(),
        build_live(feed),
        build_login(guard.porter),
        build_shared(services),
        build_settings(services, guard.porter),
        build_audit_page(services),
    ]
    return Console(tuple(routers), feed)


def build_live(feed: Feed) -> APIRouter:
    """The route of the live values."""
    router = APIRouter(include_in_schema=False)

    @router.get("/live")
    async def live(request: Request) -> StreamingResponse:
        headers = {"cache-control": "no-store"}
        events = feed.open(actor_of(request))
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    return router
