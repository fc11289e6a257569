"""Monitoring, put together: from the sealed log to what alerts are decided on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from fairlead.alerts import Signal
from fairlead.app.beside import Beside, TellingProcess
from fairlead.app.gauges import Seen
from fairlead.app.own_functions import OwnFunction
from fairlead.app.own_metrics import MetricSettings
from fairlead.app.refusals import refusal_signals
from fairlead.app.remains import remains_key
from fairlead.app.settings import EndpointSettings, Settings, slices_of
from fairlead.app.signals import (
    fact_signal,
    finding_signals,
    goal_signal,
    joint_signal,
    latency_signals,
    operation_signals,
)
from fairlead.app.workspace import Workspace
from fairlead.bundle import read_file
from fairlead.durations import read_duration
from fairlead.errors import FairleadError, NotFoundError
from fairlead.monitoring import Budget, Plan, Rule, Terms
from fairlead.monitoring.accounts import ACCOUNTS, STATEMENTS, Account, Statement
from fairlead.monitoring.archivist import Archivist
from fairlead.monitoring.assessor import Assessor
from fairlead.monitoring.bookkeeper import Bookkeeper
from fairlead.monitoring.business import Goal
from fairlead.monitoring.choose import Chooser
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.comparer import Comparer
from fairlead.monitoring.estimate import ESTIMATOR, decode_estimator
from fairlead.monitoring.facts import Fact, facts
from fairlead.monitoring.gather import BATCH
from fairlead.monitoring.goals import WINDOWS_MAX, chart_goals
from fairlead.monitoring.joint import JOINTS
from fairlead.monitoring.keeper import Keeper, readings_of, timed
from fairlead.monitoring.latency import Latencies, follow_on, latencies
from fairlead.monitoring.listener import Listener
from fairlead.monitoring.operations import Reading
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import FINDINGS, WATCHES, Finding, Stream, moment
from fairlead.monitoring.recount import stated
from fairlead.monitoring.refusals import REFUSALS, refusals_of
from fairlead.monitoring.span import reference_of
from fairlead.monitoring.traffic import STABLE
from fairlead.profiles import Profile
from fairlead.registry import Version
from fairlead.routing import ROUTES
from fairlead.store import Stored
from fairlead.telemetry import Sample, read

BATCH_US = 7 * 86_400_000_000
"""A batch job counts as answering for so long after the hour in which it ran."""
MONTH_S = 730 * 3600.0
STATED = 24
"""Of the last windows, whose statements are told of."""


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
        length_us = self._length_us = round(settings.monitoring.window_s * 1e6)
        plan = partial(plan_of, settings)
        self._models: dict[str, Model] = {}
        self._stated: dict[Stream, tuple[int, tuple[Statement, ...]]] = {}
        self.seen = Seen()
        self._told: dict[Stream, tuple[object, list[Signal]]] = {}
        self.collector = Collector(store, blobs, self._reference, length_us, clock)
        self.assessor = Assessor(
            store, self._reference, Chooser(store, blobs, self._reference, clock), plan, clock
        )
        self.listener = Listener(
            store,
            self._reference,
            plan,
            length_us,
            clock,
            self._stable,
            lambda: is_sealed() and self.collector.is_whole,
        )
        self._functions = _functions(workspace)
        self.bookkeeper = Bookkeeper(
            store, blobs, self._model, plan, length_us, clock, functions=self._functions
        )
        self._telling = TellingProcess()
        self.comparer = Beside(
            Comparer(
                store, blobs, self._model, self._answering,
                lambda endpoint: plan(endpoint).budget.alarms, self._telling, clock,
            ).tick
        )  # fmt: skip
        self._latencies: dict[str, tuple[Latencies, ...]] = {}
        self.keeper = Keeper(store, self._counted, clock, read=self._timed)
        self.archivist = Archivist(store, clock)
        self.refusals = Keeper(
            store, lambda: read(workspace.home.metrics), clock, REFUSALS, refusals_of
        )

    def is_read(self, segment: str) -> bool:
        """Whether nobody here has still to read a file of the log by itself."""
        return self.collector.is_read(segment) and self.bookkeeper.is_read(segment)

    def close(self) -> None:
        """End the processes that were started."""
        self._telling.close()
        self.comparer.close()
        for function in self._functions.values():
            function.close()

    def signals(self) -> Sequence[Signal]:
        """What there is to know now of each endpoint, of the versions that answer it.

        What it was told from stays in `seen`, for who tells of it in other ways.
        """
        answering = self._answering()
        self.seen = self._look(answering)
        found = [*operation_signals(self.keeper.now, self.keeper.past)]
        found += latency_signals(self._latencies)
        found += refusal_signals(self.refusals)
        for finding in self.seen.findings:
            found += finding_signals(finding)
        found += [joint_signal(joint, joint.days[-1]) for joint in self.seen.joints]
        for account in self._workspace.store.scan(ACCOUNTS):
            if account.value.stream in answering:
                found += self._goals(account)
        return [*found, *map(fact_signal, self.seen.facts)]

    def _counted(self) -> list[Sample]:
        """What all processes counted, of which times of answers are kept for some minutes."""
        samples = read(self._workspace.home.metrics)
        self._latencies = {
            endpoint: follow_on(self._latencies.get(endpoint, ()), new)
            for endpoint, new in latencies(samples, self._workspace.clock.now_us()).items()
        }
        return samples

    def _timed(self, samples: Iterable[Sample], now_us: int) -> dict[str, Reading]:
        """Readings of what was counted just now, with how long answers took."""
        return timed(readings_of(samples, now_us), self._latencies)

    def _look(self, answering: set[Stream]) -> Seen:
        known: list[Fact] = []
        stated: dict[Stream, tuple[int, tuple[Statement, ...]]] = {}
        for stored in self._workspace.store.scan(ACCOUNTS):
            model = self._model(stored.value.stream.version)
            if stored.value.stream in answering and model is not None:
                known += facts(stored.value, model)
                stated[stored.value.stream] = stored.revision, self._statements(stored)
        self._stated = stated
        return Seen(
            time_us=self._workspace.clock.now_us(),
            findings=tuple(self._findings(answering)),
            facts=tuple(known),
            statements={stream: statements for stream, (_, statements) in stated.items()},
            joints=tuple(
                one.value
                for one in self._workspace.store.scan(JOINTS)
                if one.value.stream in answering and one.value.days
            ),
            counted=dict(self.keeper.now),
            readings=dict(self.keeper.past),
            latencies=dict(self._latencies),
        )

    def _statements(self, stored: Stored[Account]) -> tuple[Statement, ...]:
        """Those of a stream's last windows; none is made without a change of the account."""
        stream, length_us = stored.value.stream, self._length_us
        revision, found = self._stated.get(stream, (0, ()))
        if revision == stored.revision:
            return found
        newest_us = self._workspace.clock.now_us() // length_us * length_us
        starts = (newest_us - place * length_us for place in range(STATED + 1))
        keys = (STATEMENTS.key(stream.place, moment(max(start_us, 0))) for start_us in starts)
        read = (self._workspace.store.get(STATEMENTS, key) for key in keys)
        return tuple(replace(one.value, tally=None) for one in read if one is not None)[:STATED]

    def _goals(self, stored: Stored[Account]) -> list[Signal]:
        """Of a stream's own metrics, read anew when a window was settled or another is old enough.

        An account changes with each statement.
        """
        settings, stream = self._workspace.settings, stored.value.stream
        own = settings.endpoint.get(stream.endpoint, EndpointSettings()).metric
        if not own:
            return []
        length_us = round(settings.monitoring.window_s * 1e6)
        now_us = self._workspace.clock.now_us()
        state = (stored.revision, now_us // length_us)
        known, signals = self._told.get(stream, (None, []))
        if known != state:
            signals = [
                signal
                for name, metric in own.items()
                if (signal := self._goal(stream, name, metric, now_us, length_us)) is not None
            ]
            self._told[stream] = (state, signals)
        return signals

    def _goal(
        self, stream: Stream, name: str, metric: MetricSettings, now_us: int, length_us: int
    ) -> Signal | None:
        """What a metric was over the last windows whose feedback had time to come."""
        span_s, after_s = (read_duration(text) or 0.0 for text in (metric.span, metric.after))
        until_us = now_us - round(after_s * 1e6)
        since_us = until_us - min(round(span_s * 1e6), WINDOWS_MAX * length_us)
        store = self._workspace.store
        statements = stated(store, stream, since_us=since_us, until_us=until_us)
        courses = [one for one in chart_goals(statements) if one.name == name]
        return goal_signal(courses[0], span_s + after_s) if courses else None

    def _answering(self) -> set[Stream]:
        """What answers now: the arms of all routes, and the batch jobs of late."""
        return {
            Stream(endpoint=stored.value.endpoint, version=arm.version.name, role=arm.role)
            for stored in self._workspace.store.scan(ROUTES)
            for arm in stored.value.arms
        } | {
            stored.value.stream
            for stored in self._workspace.store.scan(WATCHES)
            if stored.value.stream.role == BATCH
            and self._workspace.clock.now_us() - stored.value.until_us < BATCH_US
        }

    def _findings(self, answering: set[Stream]) -> list[Finding]:
        """The newest finding of each stream."""
        store, found = self._workspace.store, []
        for stored in store.scan(WATCHES):
            stream, until_us = stored.value.stream, stored.value.until_us
            if until_us and stream in answering:
                key = FINDINGS.key(stream.place, moment(until_us - self._length_us))
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
        reference=reference_of(own.reference or general.reference),
        grace_us=round(general.grace_s * 1e6),
        rule=Rule(alpha=alpha, rows_min=general.rows_min),
        budget=Budget(alarms=alarms, windows=windows, learn=general.learn_windows),
        volume_alpha=alpha,
        terms=Terms(budget=Budget(alarms=alarms / 2, windows=windows, learn=general.learn_windows)),
        goals={name: goal_of(metric) for name, metric in own.metric.items()},
        slices=slices_of(settings, endpoint),
    )


def _functions(workspace: Workspace) -> dict[str, OwnFunction]:
    """All that endpoints are measured by, from files beside the settings."""
    settings, file = workspace.settings, workspace.home.settings_file
    named = {
        metric.function
        for endpoint in settings.endpoint.values()
        for metric in endpoint.metric.values()
        if metric.function is not None
    }
    if file is None:
        return {}
    timeout_s = settings.server.python_timeout_s
    return {
        name: OwnFunction(file.parent, name, timeout_s, workspace.clock) for name in sorted(named)
    }


def goal_of(metric: MetricSettings) -> Goal:
    """A metric of one's own as settings declare it."""
    (kind,) = metric.kinds
    match kind:
        case "ratio":
            value, *over = metric.ratio or [""]
            return Goal(kind="ratio", value=value, over=over[0] if over else None)
        case "cost":
            return Goal(kind="cost", costs=metric.cost or {})
        case "function":
            return Goal(kind="function", value=metric.function or "")
        case "sum":
            return Goal(kind="sum", value=metric.sum or "")
        case _:
            return Goal(kind="mean", value=metric.mean or "")


def promised(workspace: Workspace, version: str) -> Model | None:
    """What a version promised; a bundle that is gone or damaged costs what is told from it."""
    with contextlib.suppress(FairleadError):
        return promise_of(workspace, version)
    return None


def promise_of(workspace: Workspace, version: str) -> Model:
    """What a version promised when it was packaged.

    Raises:
        NotFoundError: there is no such version.
    """
    found = workspace.registry.resolve(version)
    raw = _estimator(workspace, found)
    return Model(
        signature=found.signature,
        metrics=found.metrics,
        rows=found.lineage.rows,
        estimator=None if raw is None else decode_estimator(raw),
        profile=workspace.reference(version),
    )


def _estimator(workspace: Workspace, version: Version) -> bytes | None:
    """What estimates accuracy without labels, of a bundle that may be let go; None without one."""
    if version.let_go_us is None:
        bundle = workspace.bundle(version)
        return read_file(bundle, ESTIMATOR) if (bundle.path / ESTIMATOR).is_file() else None
    try:
        return workspace.blobs.get(remains_key(version, ESTIMATOR))
    except NotFoundError:
        return None
