"""Monitoring, put together: from the sealed log to what alerts are decided on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from fairlead.alerts import Signal
from fairlead.app.refusals import refusal_signals
from fairlead.app.settings import EndpointSettings, Settings
from fairlead.app.signals import fact_signal, finding_signals, operation_signals
from fairlead.app.workspace import Workspace
from fairlead.bundle import read_file
from fairlead.errors import NotFoundError
from fairlead.monitoring import Budget, Plan, Rule, Terms
from fairlead.monitoring.accounts import ACCOUNTS
from fairlead.monitoring.archivist import Archivist
from fairlead.monitoring.assessor import Assessor
from fairlead.monitoring.bookkeeper import Bookkeeper
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.estimate import ESTIMATOR, decode_estimator
from fairlead.monitoring.facts import facts
from fairlead.monitoring.keeper import Keeper
from fairlead.monitoring.listener import Listener
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import FINDINGS, WATCHES, Finding, Stream, moment
from fairlead.monitoring.refusals import REFUSALS, refusals_of
from fairlead.monitoring.traffic import STABLE
from fairlead.profiles import Profile
from fairlead.routing import ROUTES
from fairlead.telemetry import read

MONTH_S = 730 * 3600.0


class Monitor:
    """What the controller does for monitoring.

    Args:
        workspace: whose endpoints are watched.
        is_sealed: whether no journal waits behind a fault to be sealed.
    """

    def __init__(self, workspace: Workspace, is_sealed: Callable[[], bool] = lambda: True) -> None:
        self._workspace = workspace
        settings, store = workspace.settings, workspace.store
        blobs, clock = workspace.blobs, workspace.clock
        length_us = round(settings.monitoring.window_s * 1e6)
        plan = partial(plan_of, settings)
        self._models: dict[str, Model] = {}
        self.collector = Collector(store, blobs, self._reference, length_us, clock)
        self.assessor = Assessor(store, self._reference, plan, clock)
        self.listener = Listener(
            store,
            self._reference,
            plan,
            length_us,
            clock,
            self._stable,
            lambda: is_sealed() and self.collector.is_whole,
        )
        self.bookkeeper = Bookkeeper(store, blobs, self._model, plan, length_us, clock)
        self.archivist = Archivist(store, clock)
        self.keeper = Keeper(store, lambda: read(workspace.home.metrics), clock)
        self.refusals = Keeper(
            store, lambda: read(workspace.home.metrics), clock, REFUSALS, refusals_of
        )

    def is_read(self, segment: str) -> bool:
        """Whether nobody here has still to read a file of the log by itself."""
        return self.collector.is_read(segment) and self.bookkeeper.is_read(segment)

    def signals(self) -> Sequence[Signal]:
        """What there is to know now of each endpoint, of the versions that answer it."""
        answering = {
            Stream(endpoint=stored.value.endpoint, version=arm.version.name, role=arm.role)
            for stored in self._workspace.store.scan(ROUTES)
            for arm in stored.value.arms
        }
        found = [*operation_signals(self.keeper.now, self.keeper.past)]
        found += refusal_signals(self.refusals)
        for finding in self._findings(answering):
            found += finding_signals(finding)
        for stored in self._workspace.store.scan(ACCOUNTS):
            model = self._model(stored.value.stream.version)
            if stored.value.stream in answering and model is not None:
                found += map(fact_signal, facts(stored.value, model))
        return found

    def _findings(self, answering: set[Stream]) -> list[Finding]:
        """The newest finding of each stream."""
        store, length_s = self._workspace.store, self._workspace.settings.monitoring.window_s
        found = []
        for stored in store.scan(WATCHES):
            stream, until_us = stored.value.stream, stored.value.until_us
            if until_us and stream in answering:
                key = FINDINGS.key(stream.place, moment(until_us - round(length_s * 1e6)))
                finding = store.get(FINDINGS, key)
                found += [finding.value] if finding is not None else []
        return found

    def _stable(self, endpoint: str) -> Stream | None:
        """Who answers an endpoint; None if there is no such endpoint, or nobody does."""
        stored = self._workspace.store.get(ROUTES, ROUTES.key(endpoint))
        arms = () if stored is None else stored.value.arms
        names = (arm.version.name for arm in arms if arm.role == STABLE)
        version = next(names, None)
        if version is None:
            return None
        return Stream(endpoint=endpoint, version=version, role=STABLE)

    def _reference(self, version: str) -> Profile | None:
        model = self._model(version)
        return None if model is None else model.profile

    def _model(self, version: str) -> Model | None:
        """What a version promised; None if it is no more."""
        if version not in self._models:
            try:
                self._models[version] = promise_of(self._workspace, version)
            except NotFoundError:
                return None
        return self._models[version]


def plan_of(settings: Settings, endpoint: str) -> Plan:
    """How an endpoint's windows are watched.

    One budget holds for each of the three: fields that drift, values that are unsound, volume.
    """
    general = settings.monitoring
    own = settings.endpoint.get(endpoint, EndpointSettings())
    windows = MONTH_S / general.window_s
    alarms = own.alarms_per_month or general.alarms_per_month
    alpha = min(0.01, alarms / windows)
    return Plan(
        reference=own.reference or general.reference,
        grace_us=round(general.grace_s * 1e6),
        rule=Rule(alpha=alpha, rows_min=general.rows_min),
        budget=Budget(alarms=alarms, windows=windows, learn=general.learn_windows),
        volume_alpha=alpha,
        terms=Terms(budget=Budget(alarms=alarms / 2, windows=windows, learn=general.learn_windows)),
    )


def promise_of(workspace: Workspace, version: str) -> Model:
    """What a version promised when it was packaged.

    Raises:
        NotFoundError: there is no such version.
    """
    bundle = workspace.bundle(workspace.registry.resolve(version))
    info = bundle.info
    raw = read_file(bundle, ESTIMATOR) if (bundle.path / ESTIMATOR).is_file() else None
    return Model(
        signature=info.signature,
        metrics=info.metrics,
        rows=info.data.rows if info.data is not None else 0,
        estimator=None if raw is None else decode_estimator(raw),
        profile=workspace.reference(version),
    )
