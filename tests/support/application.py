"""The application of the control plane, put together once for all that tests put behind it."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from fastapi import FastAPI

from fairlead.access import Porter, Sites
from fairlead.api import Guard, Services, build_api
from fairlead.console import build_console, error_page


class Behind:
    """Stands for what is behind the application at the moment."""

    def __init__(self) -> None:
        self.now: object = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


class Application:
    """Its hundred routes, which take longer to put together than most tests take.

    Args:
        sites: that browsers may ask from.
        body_bytes_max: of a request.
        keys: whether callers need one.
    """

    def __init__(self, sites: Sites, body_bytes_max: int, *, keys: bool) -> None:
        self._services, self._porter = Behind(), Behind()
        services = cast(Services, self._services)
        guard = Guard(sites, body_bytes_max, keys, cast(Porter, self._porter))
        console = build_console(services, guard)
        self._app = build_api(services, guard, console.routers, error_page)

    def over(self, services: Services | None, porter: Porter) -> FastAPI:
        """The application over these, until it is put over others."""
        self._services.now, self._porter.now = services, porter
        return self._app


@cache
def application(sites: Sites, body_bytes_max: int, *, keys: bool) -> Application:
    """The one of this process."""
    return Application(sites, body_bytes_max, keys=keys)
