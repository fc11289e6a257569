"""Where a rising or falling function changes its sign."""

from __future__ import annotations

from collections.abc import Callable


def change(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last number, from `inside` towards `outside`, at which a condition holds.

    By halving until no double lies between. The result lies on the side of `outside` by at most
    one double's spacing, so that an interval whose end it is leaves out nothing.

    Args:
        holds: true at `inside`, and on one stretch from there.
        inside: where it holds.
        outside: where the search ends; the result if it holds there too.

    Example:
        >>> round(change(lambda x: x * x <= 2.0, 0.0, 2.0), 6)
        1.414214
    """
    if holds(outside):
        return outside
    while True:
        middle = inside + (outside - inside) / 2.0
        if middle in (inside, outside):
            return outside
        if holds(middle):
            inside = middle
        else:
            outside = middle
