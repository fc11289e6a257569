"""The port of this package: what the API asks of the platform behind it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fairlead.access import KeyBook, LinkBook, Porter, Sites, UserBook
from fairlead.alerts import AlertBook
from fairlead.alerts.settings import ChannelSettings
from fairlead.api.board import ShownAlert
from fairlead.api.catalogue import Catalogue
from fairlead.api.charts import Charts
from fairlead.api.endpoint import EndpointHealth, FieldWindow
from fairlead.api.overview import Overview
from fairlead.api.predictions import Asked, Predictions
from fairlead.api.release import Choice, History, Planned, ReleaseReport
from fairlead.learning import OnlineBook
from fairlead.monitoring.slices import SliceCourse
from fairlead.registry import Version
from fairlead.releases import Order, Release
from fairlead.releases.outcomes.interim import Experiment
from fairlead.releases.simulation.ending import Simulated
from fairlead.review.book import ReviewBook
from fairlead.routing import Automation, Route
from fairlead.schedules import JobBook
from fairlead.serving.types import FleetStatus
from fairlead.store import Event
from fairlead.telemetry import Sample
from fairlead.updates import UpdateBook
from fairlead.updates.types import Sampled


@dataclass(frozen=True, slots=True)
class Guard:
    """What requests must be like to be let in.

    Args:
        sites: that browsers may send requests from and to.
        body_bytes_max: of one request.
        keys: whether programs need one.
        porter: tells who asks.
    """

    sites: Sites
    body_bytes_max: int
    keys: bool
    porter: Porter


@dataclass(frozen=True, slots=True)
class Upstream:
    """The data plane, as the control plane speaks to it for its pages.

    Args:
        url: of it.
        secret: of a key that is for everything; empty where none is needed.
        tls: that its connections are made with; None for plain ones.
    """

    url: str
    secret: str
    tls: ssl.SSLContext | None


class Services(Protocol):
    """The platform, as the API sees it."""

    @property
    def api_url(self) -> str:
        """Of the data plane, for callers."""
        ...

    @property
    def alert_book(self) -> AlertBook:
        """Alerts and silences."""
        ...

    def alerts(self, endpoint: str = "") -> list[ShownAlert]:
        """Alerts of an endpoint, or of all if it is empty, with their rules in words."""
        ...

    @property
    def job_book(self) -> JobBook:
        """Scheduled jobs."""
        ...

    @property
    def online_book(self) -> OnlineBook:
        """Models that learn as labels arrive."""
        ...

    @property
    def update_book(self) -> UpdateBook:
        """The updates of models."""
        ...

    @property
    def review_book(self) -> ReviewBook:
        """What people decide."""
        ...

    def media(self, task: str, field: str) -> bytes:
        """A picture or a sound that a reviewer is asked about.

        Raises:
            NotFoundError: it was not kept.
        """
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Models and versions."""
        ...

    @property
    def key_book(self) -> KeyBook:
        """The keys of callers."""
        ...

    @property
    def user_book(self) -> UserBook:
        """The people who sign in."""
        ...

    @property
    def link_book(self) -> LinkBook:
        """The published pages."""
        ...

    def audit(self, before: int, subject: str, actor: str, limit: int) -> tuple[list[Event], int]:
        """Who did what, newest first, and where the next page begins; 0 if there is none."""
        ...

    def channels(self) -> Mapping[str, ChannelSettings]:
        """The ways for alerts to people, by name."""
        ...

    def try_channel(self, name: str, actor: str) -> str:
        """Send a test message through a channel; gives its id."""
        ...

    @property
    def charts(self) -> Charts:
        """The figures of endpoints."""
        ...

    def samples(self) -> list[Sample]:
        """What is told under `/metrics`."""
        ...

    def upstream(self) -> Upstream:
        """The data plane, for this process."""
        ...

    def fleet(self) -> FleetStatus:
        """The workers that live."""
        ...

    def problems(self) -> tuple[str, ...]:
        """What keeps the control plane from its work, in words."""
        ...

    def overview(self) -> Overview:
        """How every endpoint is doing, worst first."""
        ...

    def endpoint_health(self, endpoint: str, hours: float, version: str = "") -> EndpointHealth:
        """How one endpoint has fared; of a version's rows and answers, or of the one's of now.

        Raises:
            NotFoundError: there is no such endpoint, or the version never answered it.
        """
        ...

    def endpoint_slices(self, endpoint: str, hours: float, version: str = "") -> SliceCourse:
        """How good its answers were by the values of fields; of a version's, or the one's of now.

        Raises:
            NotFoundError: there is no such endpoint, or the version never answered it.
        """
        ...

    def field_window(
        self, endpoint: str, field: str, start_us: int, version: str = ""
    ) -> FieldWindow:
        """One field in one window, of the newest if `start_us` is 0.

        Raises:
            NotFoundError: there is no such endpoint, version, window or field.
        """
        ...

    def predictions(self, endpoint: str, asked: Asked) -> Predictions:
        """What an endpoint answered of late.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        ...

    def changes(self) -> dict[str, str]:
        """A text for each topic that is another one after each change of it.

        Topics are `release/churn`, `course/churn`, `evidence/churn`, `outcomes/churn`,
        `alert/churn`, `route/churn`, `queue/churn`, `schedule/churn`, `model`, `version`,
        `silence`, `notification`.
        """
        ...

    def routes(self) -> list[Route]:
        """All routes, by endpoint."""
        ...

    def looked_up_by(self, endpoint: str) -> tuple[str, ...]:
        """The keys by which it is looked up what requests to an endpoint leave out."""
        ...

    def route(self, endpoint: str) -> Route:
        """One endpoint's route.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
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

    def release_history(self, endpoint: str, page: int) -> History:
        """A page of an endpoint's releases; the nearest there is to the one that is asked for.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        ...

    def judged_releases(self, endpoint: str) -> list[Release]:
        """Releases of an endpoint; the newest with how their guards stand now."""
        ...

    def release(
        self,
        endpoint: str,
        reference: str,
        told: Mapping[str, Any],
        actor: str,
        reason: str = "",
    ) -> Release:
        """Ask for a release of a version to an endpoint; `actor` and `reason` are for the audit."""
        ...

    def release_report(self, endpoint: str, release_id: str, actor: str) -> ReleaseReport:
        """How one release stands, and what `actor` may tell it.

        Raises:
            NotFoundError: there is no such release of the endpoint.
        """
        ...

    def planned_release(self, endpoint: str, reference: str, told: Mapping[str, Any]) -> Planned:
        """What a release of a version would do, before it is asked for."""
        ...

    def choices(self, endpoint: str) -> tuple[Choice, ...]:
        """The versions that could be released to an endpoint, and why others could not."""
        ...

    def experiment(self, endpoint: str) -> Experiment:
        """What the newest experiment of an endpoint has found.

        Raises:
            NotFoundError: there was none.
        """
        ...

    def experiment_plan(self, endpoint: str) -> str:
        """What an experiment by the settings would take, in words.

        Raises:
            NotFoundError: the settings have none for the endpoint.
        """
        ...

    def simulate(
        self,
        plan: Mapping[str, Any],
        from_log: str,
        made: Mapping[str, float],
        faults: Sequence[str],
        *,
        runs: int,
        seed: int,
    ) -> Simulated:
        """Carry a plan out many times on a virtual clock."""
        ...

    def order(self, endpoint: str, order: Order, release_id: str = "") -> None:
        """Tell the release that is under way what to do, or go back after its end.

        Args:
            endpoint: whose release.
            order: what.
            release_id: of the release that is meant, and no other; empty for whichever it is.
        """
        ...

    def automation(self, endpoint: str) -> Automation:
        """Who decides at an endpoint.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        ...

    def automate(
        self, endpoint: str, automation: Automation, actor: str, reason: str
    ) -> Automation:
        """Say who decides at an endpoint from now on; `actor` and `reason` are for the audit."""
        ...

    def ask_for_labels(
        self, endpoint: str, rows: int, seed: int, drifted: Sequence[str], actor: str
    ) -> Sampled:
        """Put rows of an endpoint that are worth a label into its review queue."""
        ...

    def example(self, route: Route) -> dict[str, Any]:
        """A row that the endpoint takes, from the reference rows of the version that answers."""
        ...
