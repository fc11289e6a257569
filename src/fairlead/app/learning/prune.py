"""The tick that lets go of superseded checkpoints: their bundles, and not what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from fairlead.app.remains import keep_remains
from fairlead.app.workspace import Workspace
from fairlead.errors import ConflictError
from fairlead.learning import FOLLOWING, LEARNERS, OnlineSpec, superseded
from fairlead.registry import Version
from fairlead.releases import OPEN, RELEASES, Release
from fairlead.routing import ROUTES, Route, VersionRef

EVERY_S = 3600.0
GRACE_US = 86_400_000_000
"""Between nobody is given a bundle any more and its removal: who was given it has named it by now,
or is done with it.
"""
LET_GO_MAX = 100
"""At a look, as each bundle is read once more."""
RELEASES_KEPT = 3
"""Of an endpoint, the newest: what they moved to and from can be gone back to."""
ACTOR = "online"


class Pruner:
    """Looks once an hour for checkpoints that nothing can load any more.

    First a version is let go: nobody is given its bundle, so that no release of it can begin. A
    day later nothing can name it that did not do so by then; if nothing does, the bundle is
    removed, else the version is taken back.

    Args:
        workspace: of the versions.
        specs: of the endpoints whose models learn.
    """

    def __init__(self, workspace: Workspace, specs: Sequence[OnlineSpec]) -> None:
        self._workspace = workspace
        self._specs = specs
        self._due_s = float("-inf")
        self._found_s: dict[str, float] = {}

    def tick(self) -> None:
        """Let go of what was superseded, and remove what was let go before."""
        clock = self._workspace.clock
        if not self._specs or clock.monotonic_s() < self._due_s:
            return
        self._due_s = clock.monotonic_s() + EVERY_S
        for model, keep in self._models().items():
            try:
                self._prune(model, keep)
            except ConflictError:
                continue  # someone changes a version at this moment: look again in an hour

    def _models(self) -> dict[str, int]:
        """Models that learners have made versions of, and how many of each are kept."""
        found: dict[str, int] = {}
        for spec in self._specs:
            stored = self._workspace.store.get(LEARNERS, LEARNERS.key(spec.endpoint))
            if stored is not None:
                model = stored.value.base.rpartition(":")[0]
                found[model] = max(spec.keep, found.get(model, 0))
        return found

    def _prune(self, model: str, keep: int) -> None:
        registry = self._workspace.registry
        versions = [one for one in registry.versions(model) if one.lineage.learned and one.blob]
        used = self._used(model, versions)
        made = [(one.name, one.created_us) for one in versions]
        gone = superseded(made, keep, used, self._workspace.clock.now_us())
        last = {one.name for one in versions if one.let_go_us is not None}
        gone = [name for name in gone if name not in last][:LET_GO_MAX]
        for version in versions:
            if version.name in gone:
                self._let_go(version)
            elif version.let_go_us is not None and version.name in used:
                registry.take_back(version.name, ACTOR, "It is in use again.")
            elif version.let_go_us is not None and self._is_rested(version.name, version.let_go_us):
                registry.remove_bundle(version.name, ACTOR)
                self._workspace.bundles.drop(version.digest)

    def _is_rested(self, name: str, let_go_us: int) -> bool:
        """Whether the grace is over, also by the clock that nobody sets."""
        clock = self._workspace.clock
        found_s = self._found_s.setdefault(name, clock.monotonic_s())
        rested = clock.monotonic_s() - found_s >= EVERY_S
        return rested and clock.now_us() - let_go_us >= GRACE_US

    def _let_go(self, version: Version) -> None:
        keep_remains(self._workspace.blobs, version, self._workspace.bundle(version))
        reason = "Newer checkpoints took its place, and nothing uses it."
        self._workspace.registry.let_go(version.name, ACTOR, reason)

    def _used(self, model: str, versions: Sequence[Version]) -> set[str]:
        """The versions that something may load, by name."""
        store, registry = self._workspace.store, self._workspace.registry
        used = {ref.name for stored in store.scan(ROUTES) for ref in _of_route(stored.value)}
        used |= {ref.name for ref in self._of_releases()}
        used |= {f"{model}:{number}" for number in registry.aliases(model).values()}
        for learner in (stored.value for stored in store.scan(LEARNERS)):
            used |= {learner.base, learner.good, learner.version, learner.answers}
        for following in (stored.value for stored in store.scan(FOLLOWING)):
            used |= {following.seen, following.asked}
        said = msgspec.json.encode(self._workspace.settings).decode()
        for one in versions:
            if one.tags or registry.evaluations(one) or f'"{one.name}"' in said:
                used.add(one.name)  # someone wants this one
        return used

    def _of_releases(self) -> Iterator[VersionRef]:
        """What releases move to and from that go on, or that can be gone back from."""
        newest: dict[str, list[Release]] = {}
        for stored in self._workspace.store.scan(RELEASES):
            release = stored.value
            if release.state in OPEN:
                yield from _of_release(release)
            newest.setdefault(release.endpoint, []).append(release)
        for releases in newest.values():
            done = [one for one in releases if one.state == "done"]
            for release in (*releases[-RELEASES_KEPT:], *done[-RELEASES_KEPT:]):
                yield from _of_release(release)


def _of_release(release: Release) -> Iterator[VersionRef]:
    yield release.version
    if release.before is not None:
        yield from _of_route(release.before)


def _of_route(route: Route) -> Iterator[VersionRef]:
    """All that a route lets workers load."""
    for arm in (*route.arms, *route.shadows):
        yield arm.version
    yield from (*route.prepare, *route.keep)
