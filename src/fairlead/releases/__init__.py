"""Releases: an endpoint moves to another version only when every worker is ready for it."""

from fairlead.releases.controller import ReleaseController
from fairlead.releases.decide import decide
from fairlead.releases.types import OPEN, RELEASES, Decision, Release, State, WorkerView

__all__ = [
    "OPEN",
    "RELEASES",
    "Decision",
    "Release",
    "ReleaseController",
    "State",
    "WorkerView",
    "decide",
]
