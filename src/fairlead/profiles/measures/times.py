"""Of times: the hour, the weekday, and how long ago they were."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairlead.profiles.categories import Tally, tally_codes
from fairlead.signature import Column, Numbers

HOURS = tuple(range(24))
WEEKDAYS = tuple(range(7))
YEAR_S = 31_557_600.0
LAG_EDGES_S = (
    -86_400.0, -3600.0, -60.0, 0.0, 1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0,
    2_592_000.0, *(years * YEAR_S for years in (1, 3, 10, 20, 30, 40, 50, 60, 70, 80, 100)),
)  # fmt: skip
"""Of the lag; the same for all references, since one may lack the times of its rows."""

HOUR_US = 3_600_000_000


def measure_times(
    column: Column, times_us: npt.NDArray[np.int64] | None
) -> dict[str, Numbers | Tally]:
    """Hour and weekday in UTC and, if it is known when the rows came, the lag in seconds.

    Args:
        column: datetime64; NaT where it is missing.
        times_us: when each row came, in microseconds since 1970.
    """
    missing = np.isnat(column)
    us = column.astype("datetime64[us]").astype(np.int64)
    hours = us // HOUR_US
    weekdays = hours // 24 + 3  # 1970 began on a Thursday
    found: dict[str, Numbers | Tally] = {
        "hour": tally_codes(np.where(missing, -1, hours % 24), HOURS),
        "weekday": tally_codes(np.where(missing, -1, weekdays % 7), WEEKDAYS),
    }
    if times_us is not None:
        found["lag_s"] = np.where(missing, np.nan, (times_us - us) / 1e6)
    return found
