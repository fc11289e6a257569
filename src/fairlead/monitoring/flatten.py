"""Two profiles as pairs of single summaries, by name, and which categories these list."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

import msgspec

from fairlead.monitoring.types import Side
from fairlead.profiles import Categorical, Named, Numeric, Profile, Summary
from fairlead.profiles.categories import CATEGORIES_MAX

Single = Numeric | Categorical
CALENDAR = ("hour", "weekday")
WEEK_S = 604_800.0
NEAR_MAX = 0.01


class Pair(msgspec.Struct, frozen=True):
    """One field, or one named part of one, in both profiles.

    Args:
        name: of it; `field.part` of a part.
        side: of the model that it is on.
        reference: None where the reference does not know the field.
        current: None where the window does not have it, or has it in another form.
    """

    name: str
    side: Side
    reference: Single | None
    current: Single | None


def flatten(reference: Profile, current: Profile) -> list[Pair]:
    """Pair the summaries of two profiles, inputs before outputs, in the reference's order.

    An output of the same name as an input is called `output:name`; a part of the same name as a
    field, `field:part`.
    """
    pairs = list(_pairs("input", reference.inputs, current.inputs))
    taken = {pair.name for pair in pairs}
    for pair in _pairs("output", reference.outputs, current.outputs):
        name = f"output:{pair.name}" if pair.name in taken else pair.name
        pairs.append(msgspec.structs.replace(pair, name=name))
    return pairs


def cutoff(reference: Categorical) -> int:
    """Most rows that a category without a bin of its own may have in the reference.

    None, where all that were seen have one; else at most as many as the rarest that has one.
    """
    cut = len(reference.counts) >= CATEGORIES_MAX and reference.other > 0
    return min(reference.counts) if cut else 0


def clocked(current: Profile) -> dict[str, str]:
    """Parts of timestamps that follow from when the rows came, each with the reason.

    Of a time that lies within a week of its row's own, as that of an order, the hour and weekday
    say when the window was, and not how it differs from its reference.
    """
    return {
        _part(name, part, summaries): "Not tested: it follows from when the rows came."
        for summaries in (current.inputs, current.outputs)
        for name, summary in summaries.items()
        if isinstance(summary, Named) and summary.kind == "timestamp" and _is_near(summary)
        for part in CALENDAR
    }


def _is_near(summary: Named) -> bool:
    """Whether more than one in a hundred of these times lie within a week of their rows' own."""
    lag = summary.parts["lag_s"]
    assert isinstance(lag, Numeric)
    bins = zip(lag.edges[1:], lag.counts[1:], strict=False)
    return sum(count for edge, count in bins if edge <= WEEK_S) > NEAR_MAX * lag.count


def unlisted(summary: Categorical) -> int:
    """How many values are none of the categories that it lists, known to the reference or new."""
    return summary.other + summary.new


def _pairs(
    side: Side, reference: Mapping[str, Summary], current: Mapping[str, Summary]
) -> Iterator[Pair]:
    old, new = dict(_singles(reference, reference)), dict(_singles(current, reference))
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        yield Pair(name, side, before, after if _alike(before, after) else None)


def _singles(
    summaries: Mapping[str, Summary], taken: Container[str]
) -> Iterator[tuple[str, Single]]:
    for name, summary in summaries.items():
        if isinstance(summary, Named):
            yield from ((_part(name, p, taken), single) for p, single in summary.parts.items())
        else:
            yield name, summary


def _part(field: str, part: str, taken: Container[str]) -> str:
    """The name of a part, which no field has."""
    name = f"{field}.{part}"
    return f"{field}:{part}" if name in taken else name


def _alike(a: Single | None, b: Single | None) -> bool:
    """Whether both count over the same bins; what the reference does not know is like itself."""
    if isinstance(a, Numeric):
        return isinstance(b, Numeric) and a.edges == b.edges
    if isinstance(a, Categorical):
        return isinstance(b, Categorical) and a.categories == b.categories
    return True
