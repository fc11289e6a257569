"""Rows in the order of time: which are learnt from, and which of the latest are held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
FOREVER = int(np.iinfo(np.int64).max)


def split(times_us: Times, holdout: float, newer_than_us: int) -> int:
    """Where the rows to learn from end.

    Rows of one time stay together, on the side of those to learn from, so that a holdout may be
    smaller than its share and never shares a moment with what was learnt. Where the share is less
    than one row nothing is held out.

    Args:
        times_us: of the labelled rows, rising, shape (rows,); microseconds since 1970.
        holdout: share of them, the latest, that is held out.
        newer_than_us: the holdout is newer than this, too.

    Returns:
        The last time that is learnt from; whatever is later belongs to the holdout.

    Example:
        >>> split(np.array([10, 20, 30, 40, 40]), 0.2, 0), split(np.array([10, 20]), 0.5, 0)
        (40, 10)
    """
    held = int(len(times_us) * holdout + 1e-9)  # 0.29 * 100 is 28.999...
    if not held:
        return FOREVER
    kept = len(times_us) - held
    return max(newer_than_us, int(times_us[kept - 1])) if kept else newer_than_us
