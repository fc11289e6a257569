"""Bundles out to a file and in from one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fairlead.app.workspace import Workspace
from fairlead.bundle import pack, unpack
from fairlead.errors import ConfigError
from fairlead.registry import Version


def export_version(workspace: Workspace, reference: str, target: Path | None = None) -> Path:
    """Write a version's bundle to one file.

    Args:
        workspace: that has the version.
        reference: of the version: `churn:2`, `churn@champion`.
        target: the file; `churn-2.fairlead` in the present folder if not given.

    Returns:
        The file.

    Raises:
        ConfigError: the file exists.
    """
    version = workspace.registry.resolve(reference)
    target = target or Path(f"{version.model}-{version.number}.fairlead")
    if target.exists():
        raise ConfigError(f"{target} exists.", hint="Choose another name with --output.")
    pack(workspace.bundle(version), target)
    return target


def import_archive(workspace: Workspace, file: Path, *, trust: str | None = None) -> Version:
    """Verify a bundle in a file and register it.

    Args:
        workspace: that takes it.
        file: as `export_version` wrote it.
        trust: public key in hex whose signatures shall be accepted from now on.

    Raises:
        BundleError: it is damaged, forged, or signed by someone who is not trusted.
    """
    if trust is not None:
        workspace.keys.trust(trust, file.stem)
    with tempfile.TemporaryDirectory(dir=workspace.home.cache, prefix="import-") as folder:
        return workspace.register(unpack(file, Path(folder) / "bundle", workspace.keys))
