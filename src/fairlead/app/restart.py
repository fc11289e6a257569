"""When a child that died is started again."""

from __future__ import annotations

from collections.abc import Sequence

QUICK_S = 30.0
BACKOFF_S = (0.0, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0)


def restart_delay_s(deaths_s: Sequence[float], now_s: float) -> float:
    """How long to wait before the next start.

    The first two deaths in 30 seconds are mended at once: a crash must cost its requests and no
    more. After that the wait grows, up to ten seconds, so that a child that cannot live does
    not eat the machine.

    Args:
        deaths_s: times of death on a monotonic clock, the latest included.
        now_s: on the same clock.

    Example:
        >>> restart_delay_s([100.0], 100.0), restart_delay_s([90.0, 95.0, 99.0, 100.0], 100.0)
        (0.0, 1.0)
    """
    recent = sum(now_s - death_s < QUICK_S for death_s in deaths_s)
    return BACKOFF_S[min(max(recent - 1, 0), len(BACKOFF_S) - 1)]
