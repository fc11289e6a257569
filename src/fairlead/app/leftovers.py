"""The tick that removes what killed processes left half made in a home."""

from __future__ import annotations

from fairlead.app.workspace import Workspace
from fairlead.predictionlog.journal import UNNAMED
from fairlead.store.sweep import sweep

SWEEP_S = 3600.0
AGE_S = 86_400.0
"""Nothing is in the making for a day without a byte being written."""
UNRENAMED = "." + "?" * 32
"""Small files, written under a random name before they get their own."""


class Leftovers:
    """Looks once an hour for half-stored blobs, half-extracted bundles, unnamed journals.

    Files of the log that were finished but never recorded are the compactor's.

    Args:
        workspace: of the home.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._due_s = float("-inf")

    def tick(self) -> None:
        """Remove what has not been written to for a day."""
        clock, home = self._workspace.clock, self._workspace.home
        if clock.monotonic_s() < self._due_s:
            return
        self._due_s = clock.monotonic_s() + SWEEP_S
        before_s = clock.now_us() / 1e6 - AGE_S
        self._workspace.blobs.sweep(before_s)
        self._workspace.bundles.sweep(before_s)
        sweep(home.journals.glob(f"*{UNNAMED}"), before_s)
        for folder in (home.keys, home.metrics, home.lock_file.parent):
            sweep(folder.glob(UNRENAMED), before_s)
