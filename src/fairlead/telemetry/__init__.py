"""Counters and histograms in mapped files: cheap to raise, kept when a process dies."""

from fairlead.telemetry.expose import expose
from fairlead.telemetry.file import Counter, Gauge, Histogram, MetricsFile
from fairlead.telemetry.fold import fold, read
from fairlead.telemetry.types import Sample

__all__ = ["Counter", "Gauge", "Histogram", "MetricsFile", "Sample", "expose", "fold", "read"]
