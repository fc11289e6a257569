"""What a worker must load and may let go: from the routes, its memory, and who asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from fairlead.routing import Route, VersionRef


@dataclass(frozen=True, slots=True)
class Wants:
    """What the routes want of a worker.

    Args:
        now: versions that must be there, by digest; those that answer come first.
        later: digests that are loaded on first use, and may stay while there is room.
    """

    now: Mapping[str, VersionRef] = field(default_factory=dict)
    later: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """A version that is loaded.

    Args:
        size_bytes: of memory that it takes.
        used_s: when it was last asked, on the monotonic clock.
        busy: whether requests are under way on it.
    """

    size_bytes: int
    used_s: float
    busy: bool


def wants(routes: Iterable[Route], *, lazy: bool) -> Wants:
    """What routes want: all at once, or what a release moves at once and the rest on first use.

    An endpoint with several arms is in the middle of something: a request to the one must not
    wait for a load that a request to the other does not. So all its arms are there, always.

    Args:
        routes: all of them.
        lazy: whether versions may wait for the first request to them.

    Example:
        >>> wants([], lazy=True)
        Wants(now={}, later=frozenset())
    """
    routes = list(routes)
    now: dict[str, VersionRef] = {}
    for route in routes:
        if not lazy or len(route.arms) > 1 or route.shadows:
            now |= {arm.version.digest: arm.version for arm in route.arms}
    for route in routes:
        now |= {arm.version.digest: arm.version for arm in route.shadows}
    for route in routes:
        rest = route.prepare if lazy else (*route.prepare, *route.keep)
        for ref in rest:
            now.setdefault(ref.digest, ref)
    later = set() if not lazy else _named(routes) - now.keys()
    return Wants(now, frozenset(later))


def _named(routes: Iterable[Route]) -> set[str]:
    """The digests that routes answer with or went back to."""
    return {
        ref.digest
        for route in routes
        for ref in (*(arm.version for arm in route.arms), *route.keep)
    }


def to_unload(
    wanted: Wants,
    asked: Collection[str],
    loaded: Mapping[str, Held],
    budget_bytes: int | None,
    coming_bytes: int = 0,
) -> tuple[str, ...]:
    """What to let go: what no route wants, then what was used longest ago, until there is room.

    What a release moves, what a request waits for and what is busy stays, even beyond the budget.

    Args:
        wanted: by the routes.
        asked: digests that a request waits for.
        loaded: by digest.
        budget_bytes: for all versions together; None for no end of it.
        coming_bytes: that the next load takes, as far as that is known.

    Example:
        >>> held = {"a": Held(60, 1.0, False), "b": Held(60, 2.0, False)}
        >>> to_unload(Wants(later={"a", "b"}), (), held, 100)
        ('a',)
    """
    free = [d for d, held in loaded.items() if not held.busy and d not in asked]
    gone = [d for d in free if d not in wanted.now and d not in wanted.later]
    if budget_bytes is None:
        return tuple(gone)
    over = sum(held.size_bytes for held in loaded.values()) + coming_bytes - budget_bytes
    over -= sum(loaded[digest].size_bytes for digest in gone)
    idle = [d for d in free if d in wanted.later and d not in wanted.now]
    for digest in sorted(idle, key=lambda digest: loaded[digest].used_s):
        if over <= 0:
            break
        gone.append(digest)
        over -= loaded[digest].size_bytes
    return tuple(gone)
