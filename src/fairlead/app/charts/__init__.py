"""The figures of endpoints, drawn from records of the store."""

from fairlead.app.charts.registry import WorkspaceCharts

__all__ = ["WorkspaceCharts"]
