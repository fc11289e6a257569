"""The Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby

from fairlead.telemetry.types import Sample

Labels = tuple[tuple[str, str], ...]


def expose(samples: Iterable[Sample]) -> str:
    r"""Write samples as Prometheus scrapes them.

    Example:
        >>> from fairlead.telemetry.types import Series
        >>> hits = Sample(Series("hits_total", (("door", "front"),)), (3.0,))
        >>> expose([hits])
        '# TYPE hits_total counter\nhits_total{door="front"} 3\n'
    """
    ordered = sorted(samples, key=lambda sample: (sample.series.name, sample.series.labels))
    lines: list[str] = []
    for name, group in groupby(ordered, key=lambda sample: sample.series.name):
        members = list(group)
        first = members[0].series
        kind = "histogram" if first.edges else "gauge" if first.gauge else "counter"
        lines.append(f"# TYPE {name} {kind}")
        for sample in members:
            lines += _histogram(sample) if sample.series.edges else _counter(sample)
    return "".join(f"{line}\n" for line in lines)


def _counter(sample: Sample) -> Iterator[str]:
    yield f"{sample.series.name}{_labels(sample.series.labels)} {_number(sample.values[0])}"


def _histogram(sample: Sample) -> Iterator[str]:
    name, labels, edges = sample.series.name, sample.series.labels, sample.series.edges
    *counts, total = sample.values
    below = list(accumulate(counts))
    for edge, count in zip((*edges, float("inf")), below, strict=True):
        le = "+Inf" if edge == float("inf") else _number(edge)
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
    return str(int(value)) if value == int(value) else repr(value)
