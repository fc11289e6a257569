"""Monitoring, put together: from the sealed log to what alerts are decided on."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.alerts import Signal
from fairlead.app.settings import EndpointSettings, Settings
from fairlead.app.signals import finding_signals, operation_signals
from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError
from fairlead.monitoring import Budget, Plan, Rule
from fairlead.monitoring.assessor import Assessor
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.keeper import Keeper
from fairlead.monitoring.records import FINDINGS, WATCHES, Finding, moment
from fairlead.profiles import Profile
from fairlead.routing import ROUTES
from fairlead.telemetry import read

MONTH_S = 730 * 3600.0


class Monitor:
    """What the controller does for monitoring.

    Args:
        workspace: whose endpoints are watched.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        settings, store = workspace.settings, workspace.store
        blobs, clock = workspace.blobs, workspace.clock
        length_us = round(settings.monitoring.window_s * 1e6)
        self._profiles: dict[str, Profile] = {}
        self.collector = Collector(store, blobs, self._reference, length_us, clock)
        self.assessor = Assessor(
            store, self._reference, lambda endpoint: plan_of(settings, endpoint), clock
        )
        self.keeper = Keeper(store, lambda: read(workspace.home.metrics), clock)

    def signals(self) -> Sequence[Signal]:
        """What there is to know now of each endpoint."""
        found = [*operation_signals(self.keeper.now, self.keeper.past)]
        for finding in self._findings():
            found += finding_signals(finding)
        return found

    def _findings(self) -> list[Finding]:
        """The newest finding of each version that answers an endpoint now."""
        store = self._workspace.store
        answering = {
            (stored.value.endpoint, arm.version.name, arm.role)
            for stored in store.scan(ROUTES)
            for arm in stored.value.arms
        }
        length_us = round(self._workspace.settings.monitoring.window_s * 1e6)
        found = []
        for stored in store.scan(WATCHES):
            stream, until_us = stored.value.stream, stored.value.until_us
            if until_us and (stream.endpoint, stream.version, stream.role) in answering:
                key = FINDINGS.key(stream.place, moment(until_us - length_us))
                finding = store.get(FINDINGS, key)
                found += [finding.value] if finding is not None else []
        return found

    def _reference(self, version: str) -> Profile | None:
        """The reference profile in a version's bundle."""
        if version not in self._profiles:
            try:
                self._profiles[version] = self._workspace.reference(version)
            except NotFoundError:
                return None
        return self._profiles[version]


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
    )
