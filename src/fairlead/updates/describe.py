"""What a version's lineage says of the update that made it, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.registry import Lineage
from fairlead.updates.classify import classify
from fairlead.updates.types import Learnt, RowRange


def describe(version: Lineage, parent: Lineage | None) -> dict[str, str]:
    """Facts of an update, by what they are about.

    Args:
        version: where it came from.
        parent: where the version came from that it was updated from; None if that is not known.

    Returns:
        Nothing for a version that no update made.

    Example:
        >>> describe(Lineage(), None)
        {}
    """
    facts, changed = version.update, classify(version, parent)
    if facts is None or changed is None:
        return {}
    why = "; ".join(changed.reasons) or "newer data alone"
    return {
        "update": f"{facts.name}, a {changed.change} update: {why}",
        "because": "; ".join(facts.causes) or "it was asked for",
        "trained": "on from the version before" if facts.mode == "fine-tune" else "from scratch",
        "learnt from": _learnt(facts.learnt),
        "held out": _rows(facts.learnt.holdout),
    }


def _learnt(learnt: Learnt) -> str:
    plus = f", and {learnt.plus_rows:,} of a file" if learnt.plus_rows else ""
    return f"{_rows(learnt.train)} of {learnt.log}{plus}, as of {_moment(learnt.as_of_us)}"


def _rows(some: RowRange) -> str:
    between = f", {_moment(some.from_us)} to {_moment(some.to_us)}" if some.rows else ""
    return f"{some.rows:,} rows{between}"


def _moment(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
