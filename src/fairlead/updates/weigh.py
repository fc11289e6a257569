"""A challenger beside the champion on the same rows: the evidence, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from fairlead.bundle import Proof
from fairlead.signature import Batch, Signature
from fairlead.updates.leaks import Leaks
from fairlead.updates.types import Gate, Judgement

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A version's answers to the holdout, and what it takes to give them.

    Args:
        outputs: its answers, one for each row of the holdout, in their order.
        signature: of the version.
        us_per_row: microseconds that an answer took; 0 if that was not measured.
        size_bytes: of its bundle; 0 if that is not known.
        proof: how its answers compared with the original's when it was packaged; None without.
    """

    outputs: Batch
    signature: Signature
    us_per_row: float = 0.0
    size_bytes: int = 0
    proof: Proof | None = None


def is_suspicious(champion: Answered, challenger: Answered, truth: Values) -> bool:
    """Whether a challenger is so good that a placebo should be trained, and given to `weigh`.

    Args:
        champion: the version that answers now.
        challenger: the new one.
        truth: labels of the holdout, shape (rows,).
    """
    raise NotImplementedError


def weigh(
    gate: Gate,
    champion: Answered,
    challenger: Answered,
    truth: Values,
    *,
    slices: Mapping[str, Values] | None = None,
    units: Values | None = None,
    leaks: Leaks | None = None,
    placebo: Answered | None = None,
    seed: int,
) -> Judgement:
    """Hold a challenger against the champion on rows that neither was trained on.

    Args:
        gate: what it must prove.
        champion: the version that answers now.
        challenger: the new one.
        truth: labels of the holdout, shape (rows,), none missing.
        slices: columns of the holdout by whose values no part may be worse, by field.
        units: whose row each is, as a user's id, where several rows are of one; None if rows have
            nothing to do with each other.
        leaks: of training rows into the holdout, as `seek_leaks` finds them.
        placebo: answers of a model that the same function made from `placebo_labels`.
        seed: of what is drawn; the same gives the same judgement.

    Raises:
        ConfigError: the answers have no such metric, or labels are missing or of another kind
            than the classes.
    """
    raise NotImplementedError
