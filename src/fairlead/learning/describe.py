"""What a version's lineage says of the learner that made it, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.bundle.types import Learned


def describe_learned(learned: Learned | None) -> dict[str, str]:
    """Where a learner was, by what the facts are about; nothing where none made the version.

    Example:
        >>> from fairlead.bundle import RowRange
        >>> since = RowRange(rows=200, from_us=0, to_us=60_000_000)
        >>> facts = describe_learned(Learned(log="churn", base="churn:1", labels=1400, since=since))
        >>> facts["learnt since then"]
        '200 labels, received 1970-01-01 00:00:00 to 1970-01-01 00:01:00'
    """
    if learned is None:
        return {}
    some = learned.since
    between = f", received {_moment(some.from_us)} to {_moment(some.to_us)}" if some.rows else ""
    return {
        "learnt online": f"{learned.labels:,} labels of {learned.log}, from {learned.base} on",
        "learnt since then": f"{some.rows:,} labels{between}",
    }


def _moment(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
