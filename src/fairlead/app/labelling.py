"""Rows that are worth a label, put before people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.app.workspace import Workspace

if TYPE_CHECKING:
    from fairlead.updates.types import Sampled


def ask_for_labels(
    workspace: Workspace, endpoint: str, rows: int, seed: int, drifted: Sequence[str], actor: str
) -> Sampled:
    """Put rows of an endpoint into its review queue.

    Args:
        workspace: of the home.
        endpoint: its name.
        rows: how many, at most.
        seed: of what is random.
        drifted: fields and slices of which there are to be some; those of the newest alerts of
            drift if none are named.
        actor: who asks, for the audit.

    Raises:
        NotFoundError: there is no such endpoint; names the nearest.
        ConfigError: rows of it cannot be labelled so.
        ConflictError: its queue is full.
    """
    from fairlead.updates.sampler import Sampler

    sampler = Sampler(workspace.store, workspace.blobs, workspace.home.journals)
    now_us = workspace.clock.now_us()
    return sampler.put_up(workspace.route(endpoint), rows, seed, now_us, actor, drifted)
