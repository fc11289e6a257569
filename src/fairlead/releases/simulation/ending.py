"""How simulated releases ended: what is told of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.stats import Estimate

if TYPE_CHECKING:
    from fairlead.releases.simulation.simulate import Outcome
    from fairlead.releases.types import State


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How the releases of one candidate ended; times and numbers are medians.

    Args:
        candidate: its fault, in words.
        rolled_back: share of the releases, 0 to 1, with a 95 % interval, as all shares here.
        by: of those that were rolled back, the share that each guard took back.
        rolled_back_s: after so many seconds; None where none was.
        requests: that the candidate was asked until then.
        units: that it answered until then, about.
        promoted: share of the releases.
        promoted_s: after so many seconds; None where none was.
        asked: share of the releases in which a person is asked, since nothing was proven.
    """

    candidate: str
    rolled_back: Estimate
    by: dict[str, float]
    rolled_back_s: float | None
    requests: float | None
    units: float | None
    promoted: Estimate
    promoted_s: float | None
    asked: Estimate


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that was carried out many times.

    Args:
        note: what was simulated, in words.
        runs: releases of each candidate.
        candidates: one without a fault first.
    """

    note: str
    runs: int
    candidates: tuple[Ending, ...]


def ending(candidate: str, outcome: Outcome) -> Ending:
    """Sum up how the releases of a candidate ended."""
    back = outcome.of("rolled back")
    by = Counter(guard for guard in outcome.broken if guard).most_common()
    return Ending(
        candidate=candidate,
        rolled_back=outcome.share("rolled back"),
        by={guard: count / int(back.sum()) for guard, count in by},
        rolled_back_s=_took_s(outcome, "rolled back"),
        requests=_median(outcome.requests[back]),
        units=_median(outcome.units[back]),
        promoted=outcome.share("done"),
        promoted_s=_took_s(outcome, "done"),
        asked=outcome.share("asking"),
    )


def _took_s(outcome: Outcome, state: State) -> float | None:
    return _median(outcome.took_s[outcome.of(state)])


def _median(numbers: np.ndarray) -> float | None:
    return float(np.median(numbers)) if numbers.size else None
