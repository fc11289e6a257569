"""What answers cost, from what was counted and the price in the settings."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.api.endpoint import Cost
from fairlead.app.gauges import Seen
from fairlead.app.workspace import Workspace
from fairlead.monitoring.operations import Readings, stretches
from fairlead.telemetry import Sample, read

HOUR_S = 3600.0


def cost_of(workspace: Workspace, seen: Seen, endpoint: str) -> Cost:
    """What an endpoint's answers cost.

    Args:
        workspace: that it belongs to.
        seen: by monitoring, at its last look.
        endpoint: its name.
    """
    price = workspace.settings.cost.machine_per_hour
    asked = _asked(seen)
    return Cost(
        model_s=model_seconds(read(workspace.home.metrics), endpoint),
        price=None if price is None or not asked else 1000 * price / asked,
        currency=workspace.settings.cost.currency,
    )


def model_seconds(samples: Iterable[Sample], endpoint: str) -> float | None:
    """Time that models ran for a thousand of an endpoint's requests; None without any.

    Example:
        >>> from fairlead.telemetry.types import Series
        >>> at = (("endpoint", "churn"),)
        >>> ran = Sample(Series("fairlead_model_seconds", at, (1.0,)), (1.0, 0.0, 0.5))
        >>> model_seconds([ran, Sample(Series("fairlead_requests_total", at), (2.0,))], "churn")
        250.0
    """
    ran_s = requests = 0.0
    for sample in samples:
        if dict(sample.series.labels).get("endpoint") != endpoint:
            continue
        if sample.series.name == "fairlead_model_seconds":
            ran_s += sample.values[-1]
        elif sample.series.name == "fairlead_requests_total":
            requests += sample.values[0]
    return 1000 * ran_s / requests if requests else None


def _asked(seen: Seen) -> int:
    """Requests to all endpoints in the last hour, as far as readings go back."""
    found = (
        stretches(seen.readings.get(name, Readings()), now, [HOUR_S])[0].total
        for name, now in seen.counted.items()
    )
    return sum(found)
