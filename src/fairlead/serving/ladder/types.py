"""The values of this package: a ladder and its steps, as settings write them."""

from __future__ import annotations

import re
from typing import Any, Literal, cast, get_args

import msgspec

from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.nearest import nearest

Rung = Literal["precomputed", "live", "cached", "previous", "constant"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
AGEING = ("precomputed", "cached")
"""Rungs whose answers were made before."""

_WRITTEN = re.compile(r"([a-z]+)(?:\(([0-9a-z]*)\))?")


class Step(msgspec.Struct, frozen=True):
    """One step.

    Args:
        rung: that answers.
        age_us_max: of its answers, in microseconds; None for any.
    """

    rung: Rung
    age_us_max: int | None = None


class Ladder(msgspec.Struct, frozen=True):
    """Who answers an endpoint's rows, tried in this order.

    Args:
        steps: at least one; none twice.
        constant: the answer of the last step, if that is `constant`; as replies have it.
    """

    steps: tuple[Step, ...]
    constant: dict[str, Any] = {}

    def has(self, rung: Rung) -> bool:
        """Whether a rung is one of its steps."""
        return any(step.rung == rung for step in self.steps)


BY_KEY = Ladder((Step("precomputed"),))
"""Where nothing else is asked for."""

WITH_KEY = Ladder((Step("precomputed"), Step("live")))
"""Of requests with keys to an endpoint that has no ladder of its own."""


def read_ladder(
    endpoint: str, answer: list[str], constant: dict[str, Any], *, keeps: bool = False
) -> Ladder | None:
    """What the settings of an endpoint say of who answers; None if they say nothing.

    Args:
        endpoint: its name.
        answer: who does, in this order.
        constant: the answer of the last.
        keeps: whether the endpoint has a cache.

    Raises:
        ConfigError: they make no sense.

    Example:
        >>> read_ladder("churn", ["precomputed(24h)", "live"], {}).steps[0].age_us_max
        86400000000
    """
    at = f"endpoint.{endpoint}.answer"
    if not answer and not constant:
        return None
    steps = tuple(_step(at, written) for written in answer)
    rungs = [step.rung for step in steps]
    twice = next((rung for rung in rungs if rungs.count(rung) > 1), None)
    if twice is not None:
        raise ConfigError(f"The setting '{at}' names '{twice}' more than once.")
    if "cached" in rungs and not keeps:
        raise ConfigError(
            f"The setting '{at}' names 'cached', and no answers are kept.",
            hint=f"Give [endpoint.{endpoint}.cache] a ttl.",
        )
    if "previous" in rungs and "live" not in rungs[: rungs.index("previous")]:
        raise ConfigError(
            f"The setting '{at}' names 'previous' without 'live' before it.",
            hint="The version before answers where the one that is live does not.",
        )
    if "constant" in rungs[:-1]:
        raise ConfigError(
            f"The setting '{at}' names '{rungs[-1]}' after 'constant', which always answers.",
            hint="Name 'constant' last.",
        )
    if ("constant" in rungs) != bool(constant):
        said = "names 'constant'" if "constant" in rungs else "does not name 'constant'"
        raise ConfigError(
            f"The setting '{at}' {said}, and 'endpoint.{endpoint}.constant' says "
            f"{'something' if constant else 'nothing'}.",
            hint='Give both answer = [..., "constant"] and constant = { OUTPUT = VALUE }.',
        )
    return Ladder(steps, constant)


def _step(at: str, written: str) -> Step:
    found = _WRITTEN.fullmatch(written)
    rung, age = found.groups() if found else (written, None)
    if rung not in RUNGS:
        close = nearest(rung, RUNGS)
        raise ConfigError(
            f"The setting '{at}' names '{written}', which answers nothing.",
            hint=f"Did you mean '{close}'?" if close else f"Known: {', '.join(RUNGS)}.",
        )
    age_s = None if age is None else read_duration(age)
    if age is not None and (age_s is None or rung not in AGEING):
        raise ConfigError(
            f"The setting '{at}' says '{written}'.",
            hint="Write precomputed(24h), with a number and s, m, h or d; others have no age.",
        )
    return Step(cast(Rung, rung), None if age_s is None else round(age_s * 1e6))
