"""What people write of what must not get worse: `ratio <= 1.25`, `<= 0.05`."""

from __future__ import annotations

import re
from typing import Literal, get_args

from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.releases.outcomes.metrics import OF_LABELS, WRITTEN, Metric, read_metric
from fairlead.releases.types import Guard, GuardName

_TERM = re.compile(r"(ratio|difference) (<=|>=) (-?[0-9]{1,12}(?:\.[0-9]{1,12})?)")
_MOST = re.compile(r"<= ([0-9]{1,12}(?:\.[0-9]{1,9})?)")
_RATIOS = "It is written 'ratio <= 1.25': at most so many times as much as the stable arm."
_TERMS = (
    "It is written 'ratio >= 0.95', 'ratio <= 1.05', 'difference >= -0.02' or "
    "'difference <= 0.02', and a version that is like the stable one keeps it."
)
_ANSWERS = "It is written 'disagreement = \"<= 0.05\"' or 'difference = \"<= 2.5\"'."
ANSWERS: tuple[GuardName, ...] = ("disagreement", "difference")
"""Guards that hold a shadow's answers against those that callers were given."""


def read_guard(name: str, text: str) -> Guard:
    """A guard as people write it.

    Args:
        name: `failures`, `latency_p95`, `latency_p99`, one of `ANSWERS`, or a metric of outcomes.
        text: what it allows.

    Raises:
        ConfigError: there is no such guard, or it allows something else than it may.

    Example:
        >>> read_guard("accuracy", "difference >= -0.02").allows
        "at most 0.02 below the stable version's"
    """
    if name in ANSWERS:
        return Guard(name, _most(name, text), kind="value")
    metric = None if name in get_args(GuardName) else metric_of(name, get_args(GuardName))
    found = _TERM.fullmatch(text)
    hint = _RATIOS if metric is None else _TERMS
    if found is None:
        raise ConfigError(f"The guard '{name}' cannot be read.", hint=hint)
    difference, at_least, bound = found[1] == "difference", found[2] == ">=", float(found[3])
    if metric is None and (difference or at_least):
        raise ConfigError(f"The guard '{name}' bounds a ratio from above.", hint=hint)
    same = 0.0 if difference else 1.0
    if not (bound <= same if at_least else bound >= same):
        side = "above" if at_least else "below"
        raise ConfigError(f"The guard '{name}' cannot be {side} {same:g}.", hint=hint)
    if not difference and bound <= 0.0:
        raise ConfigError(f"The guard '{name}' allows anything.", hint=hint)
    kind: Literal["ratio", "difference"] = "difference" if difference else "ratio"
    return Guard(name, bound, at_least, kind, metric)


def _most(name: str, text: str) -> float:
    """What a guard of answers allows: of all rows only a part can disagree."""
    found = _MOST.fullmatch(text)
    most = float(found[1]) if found else 0.0
    if most <= 0 or (name == "disagreement" and most >= 1):
        raise ConfigError(f"The guard '{name}' cannot be read, or allows all.", hint=_ANSWERS)
    return most


def metric_of(name: str, others: tuple[str, ...] = ()) -> Metric:
    """A metric of outcomes by its name.

    Raises:
        ConfigError: there is none; names the nearest of these and of others.
    """
    metric = read_metric(name)
    if metric is not None:
        return metric
    close = nearest(name, [*others, *OF_LABELS])
    there = ", ".join([*others, WRITTEN])
    hint = f"Did you mean '{close}'?" if close else f"There are: {there}."
    raise ConfigError(f"There is no metric '{name}' for a release to go by.", hint=hint)
