"""Bundles in from a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fairlead.app.workspace import Workspace
from fairlead.bundle import unpack
from fairlead.registry import Version


def import_archive(workspace: Workspace, file: Path, *, trust: str | None = None) -> Version:
    """Verify a bundle in a file and register it.

    Args:
        workspace: that takes it.
        file: as `fairlead export` wrote it.
        trust: public key in hex whose signatures shall be accepted from now on.

    Raises:
        BundleError: it is damaged, forged, or signed by someone who is not trusted.
    """
    if trust is not None:
        workspace.keys.trust(trust, file.stem)
    with tempfile.TemporaryDirectory(dir=workspace.home.cache, prefix="import-") as folder:
        return workspace.register(unpack(file, Path(folder) / "bundle", workspace.keys))
