"""Whether a version differs from the one before by newer data alone, found from where both came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.registry import Lineage, Version
from fairlead.updates.types import Change

TOOLS = frozenset({"onnx", "onnxruntime", "skl2onnx", "skops"})
"""A bundle is made with these; no model is fitted with them."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed between a version and the one that it was updated from.

    Args:
        change: `data` if newer data alone, `model` if code, parameters or libraries, too.
        reasons: what of these, in words; empty where only the data did.
    """

    change: Change
    reasons: tuple[str, ...] = ()


def classify(version: Lineage, parent: Lineage | None) -> Changed | None:
    """Tell a data update from a model update.

    Args:
        version: where it came from.
        parent: where the version came from that it was updated from; None if that is not known.

    Returns:
        None for a version that no update made.

    Example:
        >>> from fairlead.bundle import Learnt, RowRange, UpdateFacts
        >>> rows = RowRange(rows=100)
        >>> by = UpdateFacts(
        ...     name="churn/1", mode="scratch", causes=(), code="a", params="b", engine="local",
        ...     train_us=1, learnt=Learnt(log="churn", as_of_us=1, train=rows, holdout=rows),
        ... )
        >>> one = Lineage(update=by)
        >>> classify(one, one).change, classify(Lineage(), one), classify(one, Lineage()).change
        ('data', None, 'model')
    """
    if version.update is None:
        return None
    if parent is None or parent.update is None:
        return Changed("model", ("no update made the version before, so its code is not known",))
    reasons = []
    if version.update.code != parent.update.code:
        reasons.append("the code changed")
    if version.update.params != parent.update.params:
        reasons.append("the parameters changed")
    reasons += _libraries(parent.environment, version.environment)
    return Changed("model" if reasons else "data", tuple(reasons))


def _libraries(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What the two were fitted with in different versions."""
    if not before or not after:  # of a bundle that says nothing of it
        return []
    return [
        f"{name} changed from {before.get(name, 'none')} to {after.get(name, 'none')}"
        for name in sorted({*before, *after} - TOOLS)
        if before.get(name) != after.get(name)
    ]


def lineage_of(digest: str, known: Sequence[Version]) -> Lineage | None:
    """Where the version with a digest came from; None if it is not known."""
    return next((one.lineage for one in known if one.digest == digest), None)
