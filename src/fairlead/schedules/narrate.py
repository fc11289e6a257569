"""What a run has to say of itself, line by line; only the last lines are kept."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from fairlead.alerts.compose import clean
from fairlead.schedules.types import Line, Run

LINES_MAX = 60
"""Of a run, that are kept."""
LENGTH_MAX = 300
"""Of a line."""


def narrate(run: Run, now_us: int, *texts: str) -> Run:
    """A run with further lines.

    Args:
        run: as it was.
        now_us: when they came, microseconds since 1970.
        texts: one for each line; empty ones are passed over.

    Example:
        >>> run = narrate(Run(id="r", slot_us=0, due_us=0), 7, "It begins.", "", "a" * 999)
        >>> [(line.time_us, len(line.text)) for line in run.log]
        [(7, 10), (7, 300)]
    """
    log = lengthen(run.log, now_us, *texts)
    return run if log is run.log else replace(run, log=log)


def lengthen(log: tuple[Line, ...], now_us: int, *texts: str) -> tuple[Line, ...]:
    """What was said, with further lines; the same if there are none.

    Args:
        log: what was said before.
        now_us: when they came, microseconds since 1970.
        texts: one for each line; empty ones are passed over.
    """
    added = [Line(time_us=now_us, text=_cut(text)) for text in _said(texts)]
    return (*log, *added)[-LINES_MAX:] if added else log


def _said(texts: Iterable[str]) -> Iterable[str]:
    return (text for text in map(clean, texts) if text)


def _cut(text: str) -> str:
    return text if len(text) <= LENGTH_MAX else f"{text[: LENGTH_MAX - 1]}…"
