"""References from an endpoint's own past."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from fairlead.monitoring.types import Window
from fairlead.profiles import Profile, merge

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US


def recall(windows: Iterable[Window], start_us: int, *, period_us: int = WEEK_US) -> Profile | None:
    """Merge the windows that began at the same time of earlier periods, as the hour of the week.

    Args:
        windows: of one endpoint, version and role, on the bins of one reference; leave out those
            in which it drifted.
        start_us: of the window that is to be compared; only earlier ones count.
        period_us: a day or a week.

    Returns:
        Their profile; None if there are none.

    Raises:
        ConflictError: they are not on the bins of one reference.
    """
    alike = (
        window.profile
        for window in windows
        if window.start_us < start_us and (start_us - window.start_us) % period_us == 0
    )
    first = next(alike, None)
    return None if first is None else reduce(merge, alike, first)
