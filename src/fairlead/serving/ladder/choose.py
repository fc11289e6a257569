"""Which step of a ladder answers a row next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fairlead.serving.ladder.types import Step


class Known(NamedTuple):
    """What is known of a row, and of who could answer it.

    Args:
        bare: whether it brings a key and no fields, so that no model can be asked.
        precomputed_us: age of the prediction that was made ahead for it, in microseconds; None if
            there is none.
        cached_us: likewise of the answer that was kept for its fields.
        previous: whether the version before is still warm.
        constant: whether there is an answer that fits the model's.
    """

    bare: bool = False
    precomputed_us: int | None = None
    cached_us: int | None = None
    previous: bool = False
    constant: bool = False


def choose(steps: Sequence[Step], known: Known, start: int = 0) -> int | None:
    """The place of the first step, from `start` on, that a row can be answered by.

    Args:
        steps: of the ladder.
        known: of the row.
        start: how many have been tried.

    Returns:
        None if there is none.

    Example:
        >>> steps = Step("precomputed", 60_000_000), Step("live"), Step("constant")
        >>> choose(steps, Known(precomputed_us=59_000_000))
        0
        >>> choose(steps, Known(precomputed_us=61_000_000))
        1
        >>> choose(steps, Known(bare=True, constant=True))
        2
    """
    places = range(start, len(steps))
    return next((place for place in places if _answers(steps[place], known)), None)


def _answers(step: Step, known: Known) -> bool:
    match step.rung:
        case "precomputed":
            return _young(known.precomputed_us, step)
        case "cached":
            return _young(known.cached_us, step)
        case "live":
            return not known.bare
        case "previous":
            return known.previous and not known.bare
        case "constant":
            return known.constant


def _young(age_us: int | None, step: Step) -> bool:
    return age_us is not None and (step.age_us_max is None or age_us <= step.age_us_max)
