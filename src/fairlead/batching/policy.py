"""How much of a queue runs together."""

from __future__ import annotations

from collections.abc import Iterable


def take(rows: Iterable[int], rows_max: int) -> int:
    """How many items from the front of a queue make the next batch.

    At least one, however large, since an item is never split; then as many as fit.

    Args:
        rows: the rows of each queued item, in order.
        rows_max: of a batch.

    Returns:
        How many items; 0 only for an empty queue.

    Example:
        >>> take([1, 2, 3, 4], rows_max=6), take([100, 1], rows_max=64), take([], rows_max=64)
        (3, 1, 0)
    """
    count = total = 0
    for item in rows:
        total += item
        if count and total > rows_max:
            break
        count += 1
    return count
