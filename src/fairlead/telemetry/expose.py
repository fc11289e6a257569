"""The Prometheus text format, version 0.0.4, and OpenMetrics, version 1.0.0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby
from typing import Literal

from fairlead.telemetry.families import FAMILIES
from fairlead.telemetry.types import Sample, Series

Labels = tuple[tuple[str, str], ...]
Form = Literal["text", "openmetrics"]

UNITS = frozenset({"bytes", "celsius", "ratio", "rows", "seconds", "watts"})


def expose(samples: Iterable[Sample], form: Form = "text") -> str:
    r"""Write samples as Prometheus scrapes them.

    Args:
        samples: in any order.
        form: `text` is understood by all; `openmetrics` names units and tells where it ends, so
            that a reply that was cut off is not taken for a whole one.

    Example:
        >>> from fairlead.telemetry.types import Series
        >>> hits = Sample(Series("hits_total", (("door", "front"),)), (3.0,))
        >>> expose([hits])
        '# TYPE hits_total counter\nhits_total{door="front"} 3\n'
        >>> expose([hits], "openmetrics")
        '# TYPE hits counter\nhits_total{door="front"} 3\n# EOF\n'
    """
    ordered = sorted(samples, key=lambda sample: (sample.series.name, sample.series.labels))
    lines: list[str] = []
    for _, group in groupby(ordered, key=lambda sample: sample.series.name):
        members = list(group)
        lines += _head(members[0].series, form)
        for sample in members:
            lines += _histogram(sample) if sample.series.edges else _single(sample)
    if form == "openmetrics":
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines)


def _head(series: Series, form: Form) -> Iterator[str]:
    """What a family is. OpenMetrics names it without the suffix that its samples have."""
    name, kind = series.name, "gauge" if series.gauge or series.latest else "counter"
    if series.edges:
        kind = "histogram"
    if form == "openmetrics":
        name = name.removesuffix("_total")
        if name.endswith("_info"):
            name, kind = name.removesuffix("_info"), "info"
    if series.name in FAMILIES:
        yield f"# HELP {name} {FAMILIES[series.name]}"
    yield f"# TYPE {name} {kind}"
    unit = name.rpartition("_")[2]
    if form == "openmetrics" and unit in UNITS:
        yield f"# UNIT {name} {unit}"


def _single(sample: Sample) -> Iterator[str]:
    yield f"{sample.series.name}{_labels(sample.series.labels)} {_number(sample.values[0])}"


def _histogram(sample: Sample) -> Iterator[str]:
    name, labels, edges = sample.series.name, sample.series.labels, sample.series.edges
    *counts, total = sample.values
    below = list(accumulate(counts))
    for edge, count in zip((*edges, math.inf), below, strict=True):
        le = "+Inf" if edge == math.inf else repr(float(edge))  # the same label in both forms
        yield f"{name}_bucket{_labels((*labels, ('le', le)))} {_number(count)}"
    yield f"{name}_sum{_labels(labels)} {_number(total)}"
    yield f"{name}_count{_labels(labels)} {_number(below[-1])}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(value)
