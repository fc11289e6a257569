"""What living workers have of a release, from what they report."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.releases import Release, WorkerView
from fairlead.serving.types import FleetStatus


def view(fleet: FleetStatus, release: Release) -> Sequence[WorkerView]:
    """Each living worker's view of a release.

    A worker that is draining answers no new request, so nothing waits for it.
    """
    return [
        WorkerView(
            worker=status.worker,
            revision=status.routes.get(release.endpoint, 0),
            version=status.versions.get(release.version.digest, "absent"),
        )
        for status in fleet.workers
        if not status.draining
    ]
