"""The port of this package: what the API asks of the platform behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from fairlead.registry import Model, Version
from fairlead.releases import Release
from fairlead.routing import Route
from fairlead.serving.types import FleetStatus


@dataclass(frozen=True, slots=True)
class Guard:
    """What requests must be like to be let in.

    Args:
        hosts: names that the Host header may have, without the port; any if empty.
        body_bytes_max: of one request.
    """

    hosts: frozenset[str]
    body_bytes_max: int


class Services(Protocol):
    """The platform, as the API sees it."""

    @property
    def api_url(self) -> str:
        """Of the data plane."""
        ...

    def fleet(self) -> FleetStatus:
        """The workers that live."""
        ...

    def problems(self) -> tuple[str, ...]:
        """What keeps the control plane from its work, in words."""
        ...

    def routes(self) -> list[Route]:
        """All routes, by endpoint."""
        ...

    def route(self, endpoint: str) -> Route:
        """One endpoint's route.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        ...

    def models(self) -> list[Model]:
        """All models."""
        ...

    def versions(self, model: str) -> list[Version]:
        """A model's versions.

        Raises:
            NotFoundError: there is no such model.
        """
        ...

    def version(self, reference: str) -> Version:
        """One version, by `churn:7` or `churn@champion`."""
        ...

    def releases(self, endpoint: str) -> list[Release]:
        """Releases of an endpoint, or of all if it is empty."""
        ...

    def release(self, endpoint: str, reference: str) -> Release:
        """Ask for a release of a version to an endpoint."""
        ...

    def example(self, route: Route) -> dict[str, Any]:
        """A row that the endpoint takes, from the reference rows of the version that answers."""
        ...
