"""What a worker must load and may let go, from the routes there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fairlead.routing import Route, VersionRef


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to do next.

    Args:
        load: versions that are needed and not there, those that answer first.
        unload: digests that no route needs any more.
    """

    load: tuple[VersionRef, ...]
    unload: tuple[str, ...]


def plan(routes: Iterable[Route], there: Collection[str]) -> LoadPlan:
    """Compare what routes need with what is there.

    Args:
        routes: all of them.
        there: digests that are loaded, or failed to load and are not tried again.

    Example:
        >>> plan([], there=["d1"])
        LoadPlan(load=(), unload=('d1',))
    """
    routes = list(routes)
    needed = [arm.version for route in routes for arm in route.arms]
    needed += [ref for route in routes for ref in (*route.prepare, *route.keep)]
    unique = {ref.digest: ref for ref in reversed(needed)}
    ordered = dict.fromkeys(ref.digest for ref in needed)
    return LoadPlan(
        load=tuple(unique[digest] for digest in ordered if digest not in there),
        unload=tuple(digest for digest in there if digest not in unique),
    )
