"""Counters and histograms in mapped files: cheap to raise, kept when a process dies."""

from fairlead.telemetry.expose import Form, expose
from fairlead.telemetry.file import Counter, Gauge, Histogram, MetricsFile
from fairlead.telemetry.fold import fold, read
from fairlead.telemetry.gpu import Cards
from fairlead.telemetry.processes import measure_process
from fairlead.telemetry.types import Sample, counted, gauged

__all__ = [
    "Cards",
    "Counter",
    "Form",
    "Gauge",
    "Histogram",
    "MetricsFile",
    "Sample",
    "counted",
    "expose",
    "fold",
    "gauged",
    "measure_process",
    "read",
]
