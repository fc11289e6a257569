"""A row of numbers as a line of small bars."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 32


def sparkline(values: Sequence[float | None], full: float = 0.0) -> str:
    """Draw numbers from 0 up; where there are more than 32, each bar is the largest of its few.

    Args:
        values: in order; None leaves a gap.
        full: the least value whose bar is full, so that small noise stays small.

    Example:
        >>> sparkline([0.0, None, 1.0, 7.0])
        '▁ ▂█'
    """
    step = -(-len(values) // WIDTH) or 1
    parts = [values[max(end - step, 0) : end] for end in range(len(values), 0, -step)]
    tops = [
        max((value for value in part if value is not None), default=None)
        for part in reversed(parts)
    ]
    most = max(full, *(top for top in tops if top is not None), 1e-300)
    return "".join(" " if top is None else _bar(top / most) for top in tops)


def _bar(share: float) -> str:
    return BARS[min(max(int(share * len(BARS)), 0), len(BARS) - 1)]
