"""Every figure of an endpoint there is, by name: for pages, for notebooks, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

from fairlead.api.charts import HOURS_MAX, Chart, Listed
from fairlead.app.charts.evidence import evidence
from fairlead.app.charts.learning import learning
from fairlead.app.charts.operations import errors, latency, requests
from fairlead.app.charts.quality import labels, own, quality
from fairlead.app.charts.slices import slices
from fairlead.app.charts.types import Asked, Drawing
from fairlead.app.charts.windows import distribution, drift, volume
from fairlead.app.monitoring import promised
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, NotFoundError
from fairlead.nearest import nearest

DRAWINGS: dict[str, Drawing] = {
    "requests": Drawing(requests, "Requests a second"),
    "errors": Drawing(errors, "Share of requests that failed"),
    "latency": Drawing(latency, "Time within which half and 99 of 100 were answered"),
    "volume": Drawing(volume, "Rows of each window, as expected", ("version",)),
    "drift": Drawing(drift, "How far each field moved in each window", ("version",)),
    "distribution": Drawing(
        distribution, "A field in a window beside the training rows", ("version", "field", "window")
    ),
    "quality": Drawing(quality, "A metric of each window", ("version", "metric")),
    "own": Drawing(own, "A metric of one's own in each window", ("version", "metric")),
    "slices": Drawing(slices, "A metric of each slice of the rows", ("version",)),
    "evidence": Drawing(
        evidence, "What a guard of a release bounds, at each look", ("release", "guard")
    ),
    "learning": Drawing(learning, "Error of a learner before it learnt each row, and of its base"),
    "labels": Drawing(labels, "Share of rows that have a label", ("version",)),
}
PROMISES_KEPT = 16


class WorkspaceCharts:
    """Draws the figures of a home's endpoints.

    Args:
        workspace: of the home.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._promise = lru_cache(PROMISES_KEPT)(partial(promised, workspace))

    def listed(self) -> tuple[Listed, ...]:
        """All that there are."""
        return tuple(
            Listed(name=name, title=one.title, options=one.options)
            for name, one in DRAWINGS.items()
        )

    def draw(self, endpoint: str, name: str, hours: float, options: Mapping[str, str]) -> Chart:
        """Draw one.

        Args:
            endpoint: of which.
            name: of the figure.
            hours: how far to look back.
            options: what else is said, by name.

        Raises:
            NotFoundError: there is no such endpoint, figure, version or field; names the nearest.
            ConfigError: an option makes no sense.
        """
        self._workspace.route(endpoint)
        drawing = DRAWINGS.get(name)
        if drawing is None:
            close = nearest(name, DRAWINGS)
            raise NotFoundError(
                "There is no figure of this name.",
                hint=f"Did you mean '{close}'?" if close else f"There are: {', '.join(DRAWINGS)}.",
            )
        _check(drawing, hours, options)
        until_us = self._workspace.clock.now_us()
        since_us = max(until_us - round(hours * 3.6e9), 0)
        return drawing.draw(
            Asked(self._workspace, endpoint, since_us, until_us, options, self._promise)
        )


def _check(drawing: Drawing, hours: float, options: Mapping[str, str]) -> None:
    if not 0 < hours <= HOURS_MAX:
        raise ConfigError(f"'hours' is more than 0 and at most {HOURS_MAX:g}.")
    unknown = next((name for name in options if name not in drawing.options), None)
    if unknown is not None:
        close = nearest(unknown, drawing.options)
        known = ", ".join(("hours", *drawing.options))
        raise ConfigError(
            "The figure has no such option.",
            hint=f"Did you mean '{close}'?" if close else f"It takes: {known}.",
        )
