"""Whether a version can be given to whoever asks for it."""

from __future__ import annotations

from fairlead.errors import NotFoundError
from fairlead.registry.types import Version


def check_kept(version: Version) -> None:
    """Refuse a version whose bundle was let go.

    Raises:
        NotFoundError: it was.
    """
    if version.let_go_us is not None:
        raise NotFoundError(
            f"The bundle of {version.name} was let go: newer checkpoints took its place.",
            hint=f"Take a newer version of {version.model}.",
        )
