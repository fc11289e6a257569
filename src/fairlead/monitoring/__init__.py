"""Whether an endpoint's data have moved or broken, with a stated budget of false alarms."""

from fairlead.monitoring.compare import compare
from fairlead.monitoring.quality import volume
from fairlead.monitoring.types import Comparison, Drift, Quality, Rule, Volume, Window

__all__ = ["Comparison", "Drift", "Quality", "Rule", "Volume", "Window", "compare", "volume"]
