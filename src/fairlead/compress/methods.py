"""All methods, in the order in which they combine."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.bundle import Step
from fairlead.compress.distil.method import Distil
from fairlead.compress.distil.types import NAME
from fairlead.compress.factorise import LowRank
from fairlead.compress.prune import Prune
from fairlead.compress.static import StaticInt8
from fairlead.compress.strip import Strip
from fairlead.compress.trees.round import Round
from fairlead.compress.trees.thin import Thin
from fairlead.compress.types import Method
from fairlead.compress.weights import Half, Int8
from fairlead.errors import ConfigError
from fairlead.nearest import nearest

Stages = tuple[tuple[Method, ...], ...]
"""Of one stage at most one method is applied to a form, and then one of the next."""

LOSSLESS = frozenset({"strip"})
"""Methods whose forms take the original's place: nothing speaks for going on from that."""
ONLY_IF_FASTER = frozenset({"static-int8"})
"""Methods that another gives the same size to: worth it only where they measure faster."""


def stages() -> Stages:
    """All there are.

    What nothing reads goes first; then the model itself becomes another, then its matrices, then
    its numbers.
    """
    return (
        (Strip(),),
        (Prune(), Distil(), Thin()),
        (LowRank(),),
        (Round(), Int8(), Half(), StaticInt8()),
    )


def student_steps(all_stages: Stages) -> tuple[Step, ...]:
    """Of the method that needs no graph: it asks a model, whatever that is."""
    methods = (method for stage in all_stages for method in stage)
    return tuple(step for method in methods if method.name == NAME for step in method.steps())


def after_students(all_stages: Stages) -> Stages:
    """The stages that come after the one in which students are taught."""
    for place, stage in enumerate(all_stages):
        if any(method.name == NAME for method in stage):
            return all_stages[place + 1 :]
    return ()


def named(wanted: Sequence[str], all_stages: Stages) -> Stages:
    """The stages of those methods that are named; all if none is.

    Raises:
        ConfigError: there is no such method; names the nearest.
    """
    known = [method.name for stage in all_stages for method in stage]
    for name in wanted:
        if name not in known:
            close = nearest(name, known)
            meant = f"Did you mean '{close}'? " if close else ""
            raise ConfigError(
                f"There is no method '{name}'.", hint=f"{meant}There are {', '.join(known)}."
            )
    if not wanted:
        return all_stages
    kept = (tuple(m for m in stage if m.name in wanted) for stage in all_stages)
    return tuple(stage for stage in kept if stage)
