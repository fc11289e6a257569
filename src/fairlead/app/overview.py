"""How every endpoint is doing, read from what the control plane keeps: no look at the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fairlead.alerts import DEFAULTS, SEVERITIES, Alert, Silence
from fairlead.alerts.phrase import phrase
from fairlead.alerts.tell import covers
from fairlead.api.overview import (
    LEVELS,
    AlertLine,
    Answering,
    DataHealth,
    EndpointState,
    Operations,
    Overview,
    Quality,
    Underway,
)
from fairlead.app.attend import attend, headline
from fairlead.app.gauges import Seen
from fairlead.app.workspace import Workspace
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.latency import slowest
from fairlead.monitoring.operations import FINE_KEPT_S, Readings, paces
from fairlead.monitoring.records import Stream
from fairlead.monitoring.traffic import STABLE
from fairlead.releases import Release
from fairlead.routing import ROUTES, Route

METRICS = ("accuracy", "rmse")
"""Of these the first that there is stands for how good answers are."""


def overview(workspace: Workspace, seen: Seen, problems: Sequence[str]) -> Overview:
    """Put together how all endpoints are.

    Args:
        workspace: whose.
        seen: by monitoring, at its last look.
        problems: of the platform itself.
    """
    now_us = workspace.clock.now_us()
    silences = workspace.alert_book.silences()
    alerts = sorted(
        (one for one in workspace.alert_book.alerts() if one.state != "resolved"), key=_urgency
    )
    releases = {one.endpoint: one for one in workspace.releases.all_under_way()}
    found = [
        endpoint_state(
            stored.value,
            seen,
            [_line(one, silences) for one in alerts if one.endpoint == stored.value.endpoint],
            releases.get(stored.value.endpoint),
            now_us,
            workspace.update_book.asking(stored.value.endpoint),
        )
        for stored in workspace.store.scan(ROUTES)
    ]
    found.sort(key=lambda one: (LEVELS.index(one.concern.level), one.endpoint))
    level, words = headline(found, problems)
    return Overview(
        time_us=now_us,
        level=level,
        headline=words,
        problems=tuple(problems),
        endpoints=tuple(found),
    )


def endpoint_state(
    route: Route,
    seen: Seen,
    alerts: Sequence[AlertLine],
    release: Release | None,
    now_us: int,
    asking: str,
) -> EndpointState:
    """How one endpoint is doing.

    Args:
        route: its route.
        seen: by monitoring, at its last look.
        alerts: of it, the worst first.
        release: under way.
        now_us: microseconds since 1970.
        asking: the version of an update that waits for a person's word; empty if none does.
    """
    operations = _operations(route.endpoint, seen, now_us)
    moving = None if release is None else underway(release)
    return EndpointState(
        endpoint=route.endpoint,
        answering=_answering(route),
        operations=operations,
        health=_health(route.endpoint, seen),
        quality=_quality(route.endpoint, seen),
        alerts=tuple(alerts),
        release=moving,
        concern=attend(
            alerts, moving, is_answered=bool(route.arms), rate=operations.rate, asking=asking
        ),
    )


def state_of(workspace: Workspace, seen: Seen, route: Route) -> EndpointState:
    """How one endpoint is doing now.

    Args:
        workspace: that it belongs to.
        seen: by monitoring, at its last look.
        route: of the endpoint.
    """
    alerts = [a for a in workspace.alert_book.alerts(route.endpoint) if a.state != "resolved"]
    return endpoint_state(
        route,
        seen,
        alert_lines(workspace, sorted(alerts, key=_urgency)),
        workspace.releases.under_way(route.endpoint),
        workspace.clock.now_us(),
        workspace.update_book.asking(route.endpoint),
    )


def alert_lines(workspace: Workspace, alerts: Sequence[Alert]) -> tuple[AlertLine, ...]:
    """Alerts, each in one line."""
    silences = workspace.alert_book.silences()
    return tuple(_line(one, silences) for one in alerts)


def _answering(route: Route) -> tuple[Answering, ...]:
    shares: defaultdict[str, float] = defaultdict(float)
    for arm in route.arms:  # one version may have several arms, as beside a canary
        shares[arm.version.name] += arm.weight
    roles = {arm.version.name: arm.role for arm in reversed(route.arms)}
    arms = [
        Answering(version=name, role=roles[name], share=share) for name, share in shares.items()
    ]
    shadows = [
        Answering(version=arm.version.name, role="shadow", share=arm.weight)
        for arm in route.shadows
    ]
    return (*arms, *shadows)


def _operations(endpoint: str, seen: Seen, now_us: int) -> Operations:
    readings = seen.readings.get(endpoint, Readings())
    found = paces(readings, seen.counted.get(endpoint))
    lately = tuple(one for one in found if now_us - one.end_us <= FINE_KEPT_S * 1_000_000)
    slow = slowest(seen.latencies.get(endpoint, ()))
    return Operations(
        rate=lately[-1].rate if lately else None,
        error_ratio=lately[-1].error_ratio if lately else None,
        p99_s=None if slow is None else slow.seconds,
        paces=lately,
    )


def _health(endpoint: str, seen: Seen) -> DataHealth | None:
    for finding in seen.findings:
        if finding.stream.endpoint == endpoint and finding.stream.role == STABLE:
            found = finding.comparison
            return DataHealth(
                end_us=finding.end_us,
                rows=found.rows,
                fields=len(found.fields),
                drifting=finding.detection.drifting,
                broken=tuple(dict.fromkeys(one.field for one in found.broken)),
            )
    return None


def _quality(endpoint: str, seen: Seen) -> Quality | None:
    streams = (one for one in seen.statements if one.endpoint == endpoint and one.role == STABLE)
    stream: Stream | None = next(streams, None)
    return None if stream is None else _of_statements(seen.statements[stream])


def _of_statements(statements: Sequence[Statement]) -> Quality | None:
    """From the newest window with an estimate, and the newest with labels."""
    ledger = next((one.ledger for one in statements if one.ledger is not None), None)
    entries = {} if ledger is None else ledger.entries
    realised = next((one.realised for one in statements if one.realised), {})
    names = [*realised, *entries]
    metric = next((name for name in (*METRICS, *names) if name in names), None)
    if metric is None:
        return None
    answered = sum(one.coverage.answered for one in statements)
    labelled = sum(one.coverage.labelled for one in statements)
    entry = entries.get(metric)
    return Quality(
        metric=metric,
        estimated=None if entry is None else entry.estimated,
        realised=realised.get(metric),
        labelled_ratio=labelled / answered if answered else None,
    )


def _urgency(alert: Alert) -> tuple[int, int, str]:
    """Worst first; of the same severity, what is harm before what may be its cause or sign."""
    rules = list(DEFAULTS)
    place = rules.index(alert.rule) if alert.rule in rules else -1
    return SEVERITIES.index(alert.severity), place, alert.name


def _line(alert: Alert, silences: Sequence[Silence]) -> AlertLine:
    return AlertLine(
        name=alert.name,
        severity=alert.severity,
        state=alert.state,
        holds=alert.holds,
        phrase=phrase(alert),
        reason=alert.steps[-1].reason,
        look_at=alert.look_at,
        since_us=alert.since_us,
        silenced=any(covers(silence, alert) for silence in silences),
    )


def underway(release: Release) -> Underway:
    """How far a release is."""
    return Underway(
        id=release.id,
        version=release.version.name,
        strategy=release.plan.strategy,
        state=release.state,
        step=min(release.step + 1, len(release.plan.steps)),
        steps=len(release.plan.steps),
        share=release.share,
        paused=release.paused,
        reason=release.reason,
    )
