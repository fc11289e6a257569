"""What a figure is asked for with, and how one is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fairlead.api.charts import Chart
from fairlead.app.workspace import Workspace
from fairlead.monitoring.reckon import Model


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see.

    Args:
        workspace: that it belongs to.
        endpoint: of which.
        since_us: from when on, microseconds since 1970.
        until_us: up to when.
        options: what else was said, by name.
        promise: gives what a version promised; None if its bundle is gone.
    """

    workspace: Workspace
    endpoint: str
    since_us: int
    until_us: int
    options: Mapping[str, str]
    promise: Callable[[str], Model | None]


@dataclass(frozen=True)
class Drawing:
    """How a figure is drawn.

    Args:
        draw: it, from records of the store alone.
        title: what it shows.
        options: names of those that it takes.
    """

    draw: Callable[[Asked], Chart]
    title: str
    options: tuple[str, ...] = ()
