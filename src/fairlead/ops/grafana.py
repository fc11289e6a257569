"""Grafana's file: one dashboard, to be imported or provisioned, for Grafana 11 and later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairlead.errors import ConfigError
from fairlead.ops.panels import ROWS
from fairlead.ops.types import Panel

FILE = "fairlead.dashboard.json"
COLUMNS = 24
HEIGHT = 8


def write_grafana(folder: Path) -> list[Path]:
    """Write the dashboard.

    Args:
        folder: to write into; made if it is not there.

    Returns:
        The file.

    Raises:
        ConfigError: the library that makes dashboards is not installed.
    """
    try:
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError:
        raise ConfigError(
            "Dashboards are made with grafana-foundation-sdk, which is not installed.",
            hint="Run: pip install 'fairlead[grafana]'.",
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text(JSONEncoder(sort_keys=True, indent=2).encode(_dashboard()) + "\n")
    return [file]


def _dashboard() -> Any:
    from grafana_foundation_sdk.builders import dashboard

    made = (
        dashboard.Dashboard("Fairlead")
        .uid("fairlead")
        .tags(["fairlead"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(_endpoints())
    )
    for title, panels in ROWS.items():
        made.with_row(dashboard.Row(title))
        for panel in panels:
            made.with_panel(_figure(panel, COLUMNS // len(panels)))
    return made.build()


def _endpoints() -> Any:
    """The choice of endpoints at the top; all of them at first."""
    from grafana_foundation_sdk.builders import dashboard

    return (
        dashboard.QueryVariable("endpoint")
        .datasource(_source())
        .query("label_values(fairlead_requests_total, endpoint)")
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _source() -> Any:
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    return DataSourceRef(type_val="prometheus", uid="${datasource}")


def _figure(panel: Panel, width: int) -> Any:
    from grafana_foundation_sdk.builders import prometheus, timeseries

    made = timeseries.Panel().title(panel.title).unit(panel.unit).datasource(_source())
    made.height(HEIGHT).span(width).min(0)
    for expr, legend in panel.lines:
        made.with_target(prometheus.Dataquery().expr(expr).legend_format(legend))
    return made
