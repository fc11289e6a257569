"""What happened to an endpoint, to be marked on the time axis of its figures."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.app.charts.types import Asked
from fairlead.figures import Event
from fairlead.monitoring.draw_course import iso
from fairlead.releases import OPEN

EVENTS_MAX = 50


def events(asked: Asked) -> list[Event]:
    """Releases and alerts, oldest first; the newest fifty."""
    found = [*_releases(asked), *_alerts(asked)]
    lately = [(at_us, event) for at_us, event in found if asked.since_us <= at_us <= asked.until_us]
    lately.sort(key=lambda each: each[0])
    return [event for _, event in lately[-EVENTS_MAX:]]


def _releases(asked: Asked) -> Iterator[tuple[int, Event]]:
    for release in asked.workspace.releases.last(asked.endpoint, EVENTS_MAX):
        name = release.version.name
        begun = f"{name} asked for, by {release.plan.strategy}"
        yield release.created_us, Event(iso(release.created_us), "release", begun)
        if release.state not in OPEN:
            ended = f"{name} {release.state}"
            yield release.changed_us, Event(iso(release.changed_us), "release", ended)


def _alerts(asked: Asked) -> Iterator[tuple[int, Event]]:
    for alert in asked.workspace.alert_book.alerts(asked.endpoint):
        rule = alert.name.partition("/")[2]
        for step in alert.steps:
            if step.state != "pending":
                text = f"{rule} {step.state}"
                yield step.time_us, Event(iso(step.time_us), "alert", text)
