"""What monitoring needs of versions whose bundles are let go."""

from __future__ import annotations

from fairlead.bundle import Bundle, read_file
from fairlead.monitoring.estimate import ESTIMATOR
from fairlead.profiles import REFERENCE
from fairlead.registry import Version
from fairlead.store import Blobs


def remains_key(version: Version, path: str) -> str:
    """Where a file of a bundle is kept that was let go."""
    return f"remains/{version.digest}/{path}"


def keep_remains(blobs: Blobs, version: Version, bundle: Bundle) -> None:
    """Keep what tells of a version's rows after its bundle: the profile, and the estimator."""
    for path in (REFERENCE, ESTIMATOR):
        if (bundle.path / path).is_file():
            blobs.put(remains_key(version, path), read_file(bundle, path))
