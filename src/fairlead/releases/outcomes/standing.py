"""What is known of the goal of an experiment at one look."""

from __future__ import annotations

from math import isfinite, log
from typing import Literal

import msgspec
from msgspec.structs import replace

from fairlead.stats import Estimate

Found = Literal["better", "worse", "unknown"]

MISMATCH = log(1_000.0)
"""Evidence from which on units are not split as the route says: one fair split of a thousand."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the goal of an experiment.

    Args:
        found: what is proven.
        log_mismatch: log e-value against "units are split as the route says".
        units: of both arms that were measured.
        planned: units at which a decision is planned; 0 where nothing was known before.
        control: the stable version's value; intervals hold at every look, or at the planned one.
        candidate: the other's.
        difference: candidate - control, less what is known of the units before.
        ratio: the difference over the stable version's value, 0.02 for 2 % more.
        explained: share of the variance that is explained by what is known before (CUPED).
        needed: about how many more units, of both arms, until something is proven.
    """

    found: Found = "unknown"
    log_mismatch: float = 0.0
    units: int = 0
    planned: int = 0
    control: Estimate | None = None
    candidate: Estimate | None = None
    difference: Estimate | None = None
    ratio: Estimate | None = None
    explained: float | None = None
    needed: float | None = None

    @property
    def is_mismatched(self) -> bool:
        """Whether units are proven not to be split as the route says."""
        return self.log_mismatch >= MISMATCH

    @property
    def is_complete(self) -> bool:
        """Whether the planned number of units is there."""
        return 0 < self.planned <= self.units


def storable(standing: Standing) -> Standing:
    """Without the intervals that have no end yet, which no record can hold.

    Example:
        >>> from math import inf
        >>> storable(Standing(difference=Estimate(0.1, -inf, inf))).difference is None
        True
    """
    names = ("control", "candidate", "difference", "ratio")
    endless = [name for name in names if not _has_ends(getattr(standing, name))]
    return replace(standing, **dict.fromkeys(endless))


def _has_ends(estimate: Estimate | None) -> bool:
    return estimate is not None and all(
        map(isfinite, (estimate.value, estimate.low, estimate.high))
    )
