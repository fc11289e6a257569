"""What the API asks for, answered from a workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from fairlead.access import KeyBook, LinkBook, UserBook
from fairlead.alerts import AlertBook
from fairlead.alerts.settings import ChannelSettings
from fairlead.api import Upstream
from fairlead.api.audit import look_back
from fairlead.api.board import ShownAlert
from fairlead.api.endpoint import EndpointHealth, FieldWindow
from fairlead.api.overview import Overview
from fairlead.api.predictions import Asked, Predictions
from fairlead.api.release import Choice, History, Planned, ReleaseReport
from fairlead.app.alerting import try_channel
from fairlead.app.automating import automate, automation_of
from fairlead.app.board import board
from fairlead.app.catalogue import WorkspaceCatalogue
from fairlead.app.changes import Changes
from fairlead.app.charts import WorkspaceCharts
from fairlead.app.endpoint import endpoint_health, endpoint_slices, field_window
from fairlead.app.experimenting import experiment, foreseen
from fairlead.app.gauges import Seen, gauges, job_gauges
from fairlead.app.labelling import ask_for_labels
from fairlead.app.metrics import ControlSamples
from fairlead.app.overview import overview
from fairlead.app.planning import choices, planned_release
from fairlead.app.predictions import predictions
from fairlead.app.release import history, report
from fairlead.app.releasing import give_back, plan_for
from fairlead.app.settings import features_of
from fairlead.app.simulating import Asked as AskedPlan
from fairlead.app.simulating import Simulator, candidates, traffic_for
from fairlead.app.supervisor import Addresses
from fairlead.app.tls import own_context
from fairlead.app.workspace import Workspace
from fairlead.bundle import read_file
from fairlead.control import Controller
from fairlead.errors import ConfigError
from fairlead.learning import OnlineBook
from fairlead.monitoring.slices import SliceCourse
from fairlead.registry import Version
from fairlead.releases import Order, Release, plan_of, settings_of
from fairlead.releases.judge import judged_now
from fairlead.releases.outcomes.interim import Experiment
from fairlead.releases.shadow.summary import Summary, summarize
from fairlead.releases.simulation.ending import Simulated
from fairlead.review.book import ReviewBook
from fairlead.review.types import media_key
from fairlead.routing import ROUTES, Automation, Route, VersionRef
from fairlead.schedules import JobBook
from fairlead.serving.types import FleetStatus
from fairlead.store import Event
from fairlead.telemetry import Sample
from fairlead.updates import UpdateBook
from fairlead.updates.types import Sampled

SILENCE_S_MAX = 10.0
JUDGED_MAX = 20
"""Releases of a list whose evidence is read: before these all have ended long ago."""


class ShownRelease(Release, frozen=True, kw_only=True):
    """A release, and what its shadow answered beside what callers were given.

    Args:
        comparison: None where its plan compares nothing.
    """

    comparison: Summary | None = None


class WorkspaceServices:
    """The platform behind the API.

    Args:
        workspace: of its home.
        addresses: where it is reached.
        controller: whose problems are told.
        fleet: the workers that live.
        seen: what monitoring saw last.
    """

    def __init__(
        self,
        workspace: Workspace,
        addresses: Addresses,
        controller: Controller,
        fleet: Callable[[], FleetStatus],
        seen: Callable[[], Seen],
    ) -> None:
        self._workspace = workspace
        self._addresses = addresses
        self._controller = controller
        self._fleet = fleet
        self._seen = seen
        self._simulator = Simulator()
        self.catalogue = WorkspaceCatalogue(workspace)
        self.charts = WorkspaceCharts(workspace)
        self._changes = Changes(workspace.store)
        self._samples = ControlSamples(addresses.pid, controller)
        self._examples = lru_cache(maxsize=64)(self._read_example)

    @property
    def api_url(self) -> str:
        """Of the data plane, for callers."""
        return self._addresses.api

    @property
    def alert_book(self) -> AlertBook:
        """Alerts and silences."""
        return self._workspace.alert_book

    def alerts(self, endpoint: str = "") -> list[ShownAlert]:
        """Alerts of an endpoint, or of all if it is empty, with their rules in words."""
        return board(self._workspace, endpoint)

    @property
    def job_book(self) -> JobBook:
        """Scheduled jobs."""
        return self._workspace.job_book

    @property
    def online_book(self) -> OnlineBook:
        """Models that learn as labels arrive."""
        return self._workspace.online_book

    @property
    def update_book(self) -> UpdateBook:
        """The updates of models."""
        return self._workspace.update_book

    @property
    def review_book(self) -> ReviewBook:
        """What people decide."""
        return self._workspace.review_book

    def media(self, task: str, field: str) -> bytes:
        """A picture or a sound that a reviewer is asked about.

        Raises:
            NotFoundError: it was not kept.
        """
        return self._workspace.blobs.get(media_key(task, field))

    @property
    def key_book(self) -> KeyBook:
        """The keys of callers."""
        return self._workspace.key_book

    @property
    def user_book(self) -> UserBook:
        """The people who sign in."""
        return self._workspace.user_book

    @property
    def link_book(self) -> LinkBook:
        """The published pages."""
        return self._workspace.link_book

    def audit(self, before: int, subject: str, actor: str, limit: int) -> tuple[list[Event], int]:
        """Who did what, newest first, and where the next page begins; 0 if there is none."""
        return look_back(self._workspace.store, before, subject, actor, limit)

    def channels(self) -> Mapping[str, ChannelSettings]:
        """The ways for alerts to people, by name."""
        return self._workspace.settings.alerts.channel

    def try_channel(self, name: str, actor: str) -> str:
        """Send a test message through a channel; gives its id.

        Raises:
            NotFoundError: there is no such channel.
            UnavailableError: it was not delivered; says why.
        """
        sent = try_channel(self._workspace, name)
        now_us = self._workspace.clock.now_us()
        event = Event(time_us=now_us, actor=actor, action="test_channel", subject=f"channel/{name}")
        self._workspace.store.commit(events=[event])
        return sent

    def samples(self) -> list[Sample]:
        """What the control plane tells under `/metrics`."""
        told = gauges(self._seen(), self._workspace.clock.now_us())
        told += job_gauges(self.job_book.jobs())
        return self._samples.measure(self._fleet()) + told

    def upstream(self) -> Upstream:
        """The data plane, for this process, which has the operator's key."""
        addresses = self._addresses
        return Upstream(
            addresses.api,
            self._workspace.operator_secret() if addresses.keys else "",
            own_context(addresses.tls_cert) if addresses.tls_cert else None,
        )

    def fleet(self) -> FleetStatus:
        """The workers that live."""
        return self._fleet()

    def problems(self) -> tuple[str, ...]:
        """What keeps the control plane from its work, in words."""
        problems = self._controller.problems
        if self._controller.silent_s > SILENCE_S_MAX:
            problems = (*problems, "the controller's loop does not turn")
        return problems

    def overview(self) -> Overview:
        """How every endpoint is doing, worst first."""
        return overview(self._workspace, self._seen(), self.problems())

    def endpoint_health(self, endpoint: str, hours: float, version: str = "") -> EndpointHealth:
        """How one endpoint has fared."""
        return endpoint_health(self._workspace, self._seen(), endpoint, hours, version)

    def endpoint_slices(self, endpoint: str, hours: float, version: str = "") -> SliceCourse:
        """How good its answers were by the values of fields."""
        return endpoint_slices(self._workspace, endpoint, hours, version)

    def field_window(
        self, endpoint: str, field: str, start_us: int, version: str = ""
    ) -> FieldWindow:
        """One field in one window, with the numbers of its test."""
        return field_window(self._workspace, endpoint, field, start_us, version)

    def predictions(self, endpoint: str, asked: Asked) -> Predictions:
        """What an endpoint answered of late, from the newest files of the log."""
        return predictions(self._workspace, endpoint, asked)

    def changes(self) -> dict[str, str]:
        """A text for each topic that is another one after each change of it."""
        return self._changes.look()

    def routes(self) -> list[Route]:
        """All routes, by endpoint."""
        return [stored.value for stored in self._workspace.store.scan(ROUTES)]

    def looked_up_by(self, endpoint: str) -> tuple[str, ...]:
        """The keys by which it is looked up what requests to an endpoint leave out."""
        return tuple(spec.key for spec in features_of(self._workspace.settings, endpoint))

    def route(self, endpoint: str) -> Route:
        """One endpoint's route.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        return self._workspace.route(endpoint)

    def versions(self, model: str) -> list[Version]:
        """A model's versions.

        Raises:
            NotFoundError: there is no such model.
        """
        self._workspace.registry.aliases(model)
        return self._workspace.registry.versions(model)

    def version(self, reference: str) -> Version:
        """One version, by `churn:7` or `churn@champion`."""
        return self._workspace.registry.resolve(reference)

    def release_history(self, endpoint: str, page: int) -> History:
        """A page of an endpoint's releases; the nearest there is to the one that is asked for.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        return history(self._workspace, endpoint, page)

    def judged_releases(self, endpoint: str) -> list[Release]:
        """Releases of an endpoint; the newest with how their guards stand now."""
        found = self._workspace.releases.releases(endpoint)
        return found[:-JUDGED_MAX] + [self._shown(one) for one in found[-JUDGED_MAX:]]

    def _shown(self, release: Release) -> Release:
        evidence = self._workspace.witness.evidence(release)
        told = msgspec.structs.replace(release, judged=judged_now(release, evidence))
        if not release.plan.is_compared:
            return told
        comparison = summarize(evidence.compared)
        return ShownRelease(**msgspec.structs.asdict(told), comparison=comparison)

    def release(
        self,
        endpoint: str,
        reference: str,
        told: Mapping[str, Any],
        actor: str,
        reason: str = "",
    ) -> Release:
        """Ask for a release of a version to an endpoint.

        Args:
            endpoint: whose.
            reference: of the version.
            told: of its plan, by key of a table `[release.NAME]`.
            actor: who asks, for the audit.
            reason: why, likewise.

        Raises:
            ConfigError: the version is a pickle, which only the command line may allow.
        """
        version = self._workspace.registry.resolve(reference)
        if version.pickle:
            raise ConfigError(
                f"{version.name} is a pickle: loading it runs whatever code is in it.",
                hint="If you trust it: fairlead deploy --allow-pickle.",
            )
        ref = self._workspace.ref(version)
        plan, _ = plan_for(self._workspace, endpoint, told)
        return self._workspace.releases.request(
            endpoint, ref, version.signature, actor, plan, reason
        )

    def release_report(self, endpoint: str, release_id: str, actor: str) -> ReleaseReport:
        """How one release stands, and what `actor` may tell it.

        Raises:
            NotFoundError: there is no such release of the endpoint.
        """
        return report(self._workspace, endpoint, release_id, actor)

    def planned_release(self, endpoint: str, reference: str, told: Mapping[str, Any]) -> Planned:
        """What a release of a version would do, before it is asked for.

        Raises:
            NotFoundError: there is no such version.
            ConfigError: the plan cannot be carried out, or the version does not fit.
        """
        return planned_release(self._workspace, endpoint, reference, told)

    def choices(self, endpoint: str) -> tuple[Choice, ...]:
        """The versions that could be released to an endpoint, and why others could not."""
        return choices(self._workspace, endpoint)

    def experiment(self, endpoint: str) -> Experiment:
        """What the newest experiment of an endpoint has found.

        Raises:
            NotFoundError: there was none.
        """
        return experiment(self._workspace, endpoint)

    def experiment_plan(self, endpoint: str) -> str:
        """What an experiment by the settings would take.

        Raises:
            NotFoundError: the settings have none for the endpoint.
        """
        return foreseen(self._workspace, endpoint)

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
        """Carry a plan out many times on a virtual clock.

        Raises:
            ConfigError: it cannot be carried out, or not simulated.
            NotFoundError: there is no such endpoint, or its log holds too little.
            UnavailableError: another plan is being simulated.
            DeadlineError: it takes too long.
        """
        if from_log:
            self.route(from_log)
        wanted = plan_of(settings_of(plan))
        traffic = traffic_for(self._workspace, from_log, made)
        return self._simulator(AskedPlan(wanted, traffic, candidates(faults), runs, seed))

    def order(self, endpoint: str, order: Order, release_id: str = "") -> None:
        """Tell the release that is under way what to do, or go back after its end.

        Args:
            endpoint: whose release.
            order: what.
            release_id: of the release that is meant, and no other; empty for whichever it is.

        Raises:
            NotFoundError: there is none, and nothing to go back to.
            ConflictError: it is another one by now, or it is being told something else.
        """
        if order.name == "rollback":
            give_back(self._workspace, endpoint, order.actor, order.reason, release_id)
        else:
            self._workspace.releases.order(endpoint, order, release_id)

    def automation(self, endpoint: str) -> Automation:
        """Who decides at an endpoint.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        return automation_of(self.route(endpoint))

    def automate(
        self, endpoint: str, automation: Automation, actor: str, reason: str
    ) -> Automation:
        """Say who decides at an endpoint from now on; arguments and errors as of `automate`."""
        return automate(self._workspace, endpoint, automation, actor, reason)

    def ask_for_labels(
        self, endpoint: str, rows: int, seed: int, drifted: Sequence[str], actor: str
    ) -> Sampled:
        """Put rows worth a label before people; arguments and errors as of `ask_for_labels`."""
        return ask_for_labels(self._workspace, endpoint, rows, seed, drifted, actor)

    def example(self, route: Route) -> dict[str, Any]:
        """A row that the endpoint takes, from the reference rows of the version that answers."""
        return self._examples(route.arms[0].version) if route.arms else {}

    def _read_example(self, version: VersionRef) -> dict[str, Any]:
        bundle = self._workspace.bundles.get(version.blob, version.digest)
        rows = msgspec.json.decode(read_file(bundle, "examples.json"), type=list[dict[str, Any]])
        return rows[0] if rows else {}
