"""Files for the tools that watch a platform: Prometheus, Alertmanager, Grafana."""

from fairlead.ops.alertmanager import write_alertmanager
from fairlead.ops.grafana import write_grafana
from fairlead.ops.prometheus import write_prometheus
from fairlead.ops.types import Objectives, Target

__all__ = [
    "Objectives",
    "Target",
    "write_alertmanager",
    "write_grafana",
    "write_prometheus",
]
