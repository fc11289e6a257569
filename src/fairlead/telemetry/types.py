"""The values of this package."""

from __future__ import annotations

import msgspec


class Series(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stretch of numbers counts.

    Args:
        name: as Prometheus reads it, e.g. `fairlead_requests_total`.
        labels: name and value, sorted by name.
        edges: upper edges of a histogram's buckets; none for a counter or a gauge.
        gauge: whether it tells how things are, and nothing once its process is dead.
        latest: whether it is a time, of which the latest of all processes counts.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    edges: tuple[float, ...] = ()
    gauge: bool = False
    latest: bool = False

    @property
    def size(self) -> int:
        """How many numbers it has: one, or a histogram's buckets, the last without end, and sum."""
        return len(self.edges) + 2 if self.edges else 1


class Sample(msgspec.Struct, frozen=True):
    """A series and its numbers."""

    series: Series
    values: tuple[float, ...]


def counted(name: str, value: float, /, **labels: str) -> Sample:
    """A counter's number, where it is known without a file."""
    return Sample(Series(name, tuple(sorted(labels.items()))), (value,))


def gauged(name: str, value: float, /, **labels: str) -> Sample:
    """A gauge's number, where it is known without a file."""
    return Sample(Series(name, tuple(sorted(labels.items())), gauge=True), (value,))
