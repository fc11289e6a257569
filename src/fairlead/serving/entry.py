"""What every request passes before any door: where it comes from, and what its key allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairlead.access import Gate, Sites
from fairlead.serving.refusal import Refusal


def _forget(refused: Refusal, name: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is let in.

    Args:
        sites: that browsers may send requests from and to.
        gate: asks for keys; None while none are needed.
        count: takes note of who is not let in, with the endpoint's name; it may not exist.
    """

    sites: Sites
    gate: Gate | None = None
    count: Callable[[Refusal, str], None] = _forget


OPEN = Entry(Sites())
"""Everyone, as far as the page of no other site sends it."""
