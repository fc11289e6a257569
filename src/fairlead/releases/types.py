"""A release: the process that moves an endpoint to another version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from fairlead.records import Kind
from fairlead.routing import Route, VersionRef
from fairlead.signature import Signature

State = Literal["requested", "preparing", "switching", "done", "failed"]

OPEN: frozenset[State] = frozenset({"requested", "preparing", "switching"})


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One request to let a version answer an endpoint, and what came of it.

    Args:
        id: rises with time.
        endpoint: that is moved.
        version: that shall answer.
        signature: the version's.
        actor: who asked.
        created_us: when, microseconds since 1970.
        changed_us: of the last change of state.
        state: how far it is.
        revision: of the route that put it in force; 0 before.
        reason: why it is in this state, in words.
    """

    id: str
    endpoint: str
    version: VersionRef
    signature: Signature
    actor: str
    created_us: int
    changed_us: int
    state: State = "requested"
    revision: int = 0
    reason: str = ""


RELEASES = Kind("release", Release)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """What one living worker has of a release's endpoint and version.

    Args:
        worker: its place.
        revision: of the endpoint's route that it has in force; 0 for none.
        version: `absent`, `loading`, `ready`, or `failed: ` and why.
    """

    worker: int
    revision: int
    version: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to commit, and why.

    Args:
        release: as it shall be.
        route: to commit with it; None to leave the route alone.
    """

    release: Release
    route: Route | None
