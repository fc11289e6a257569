"""Two versions side by side: decided from what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fairlead.api.catalogue import (
    Comparison,
    FactPair,
    Measured,
    Metric,
    MetricPair,
    VersionLine,
)
from fairlead.registry import Evaluated, Version
from fairlead.registry.differ import differ

Known = tuple[Version, VersionLine, Sequence[Evaluated]]
"""A version, the same in a line, and its evaluations, oldest first."""


def compare(left: Known, right: Known) -> Comparison:
    """Put two versions side by side.

    Args:
        left: the one.
        right: the other.
    """
    (one, line, _), (two, other, _) = left, right
    ours, theirs = _on_same_rows(left, right) or (line.measured, other.measured)
    is_same = ours is not None and theirs is not None and ours.data_digest == theirs.data_digest
    return Comparison(
        left=line,
        right=other,
        same_rows=is_same and bool(ours and ours.data_digest),
        metrics=tuple(_pairs(ours, theirs, _paired(left, right))),
        facts=tuple(_facts(one, two, line, other)),
        fields=differ(one.signature, two.signature),
        packages=tuple(_packages(one.lineage.environment, two.lineage.environment)),
    )


def _on_same_rows(left: Known, right: Known) -> tuple[Measured, Measured] | None:
    """The newest evaluations of both on the same rows, if there are any."""
    theirs = {evaluated.data_digest: evaluated for evaluated in right[2]}
    for evaluated in reversed(left[2]):
        if evaluated.data_digest in theirs:
            return _measured(evaluated), _measured(theirs[evaluated.data_digest])
    return None


def _measured(evaluated: Evaluated) -> Measured:
    metrics = (
        Metric(name=name, value=found.value, low=found.low, high=found.high)
        for name, found in evaluated.metrics.items()
    )
    return Measured(
        rows=evaluated.rows,
        time_us=evaluated.created_us,
        is_evaluation=True,
        data_digest=evaluated.data_digest,
        metrics=tuple(metrics),
    )


def _paired(left: Known, right: Known) -> Mapping[str, Metric]:
    """Differences, right less left, of the newest evaluation that looked at both row by row."""
    for (version, _, _), (_, _, evaluations), sign in ((left, right, 1), (right, left, -1)):
        for evaluated in reversed(evaluations):
            if evaluated.against == version.name:
                return {
                    name: Metric(
                        name=name,
                        value=sign * found.value,
                        low=min(sign * found.low, sign * found.high),
                        high=max(sign * found.low, sign * found.high),
                    )
                    for name, found in evaluated.differences.items()
                }
    return {}


def _pairs(
    left: Measured | None, right: Measured | None, paired: Mapping[str, Metric]
) -> Iterator[MetricPair]:
    one, two = ({m.name: m for m in found.metrics} if found else {} for found in (left, right))
    for name in dict.fromkeys((*one, *two)):
        ours, theirs = one.get(name), two.get(name)
        known = paired.get(name)
        if known is None and ours is not None and theirs is not None:
            known = Metric(name=name, value=theirs.value - ours.value)
        yield MetricPair(name=name, left=ours, right=theirs, difference=known)


def _facts(one: Version, two: Version, line: VersionLine, other: VersionLine) -> Iterator[FactPair]:
    for name, left, right in (
        ("fitted with", one.framework, two.framework),
        ("served by", one.runner, two.runner),
        ("task", one.task, two.task),
        ("loads a pickle", _yes(one.pickle), _yes(two.pickle)),
        ("updated from", line.parent[:_SHORT], other.parent[:_SHORT]),
        ("rows it was packaged with", _count(one.lineage.rows), _count(two.lineage.rows)),
        ("digest of these rows", one.lineage.data_digest[:16], two.lineage.data_digest[:16]),
        ("revision of the code", _revision(one), _revision(two)),
        ("can be updated from", one.trainable or "", two.trainable or ""),
        ("registered by", one.registered_by, two.registered_by),
        ("tags", _tags(one), _tags(two)),
        *(
            (name, line.update.get(name, ""), other.update.get(name, ""))
            for name in dict.fromkeys((*line.update, *other.update))
        ),
    ):
        yield FactPair(name=name, left=left, right=right, differs=left != right)


_SHORT = 70


def _packages(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[FactPair]:
    for name in sorted({*left, *right}):
        one, two = left.get(name, ""), right.get(name, "")
        if one != two:
            yield FactPair(name=name, left=one, right=two, differs=True)


def _yes(value: bool) -> str:  # one of its two words
    return "yes" if value else "no"


def _count(rows: int) -> str:
    return f"{rows:,}" if rows else ""


def _revision(version: Version) -> str:
    changed = ", with changes" if version.lineage.changed else ""
    return version.lineage.revision[:12] + changed


def _tags(version: Version) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(version.tags.items()))
