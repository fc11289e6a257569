"""Whether the constants that settings give are answers of the models they stand in for."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.app.settings import ladders
from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError
from fairlead.serving.ladder.constant import read_constant
from fairlead.signature import Signature


def check_constants(workspace: Workspace, coming: Iterable[str] = ()) -> None:
    """Refuse constants that no model of their endpoint could answer.

    Args:
        workspace: whose settings and models these are.
        coming: versions that are about to answer.

    Raises:
        ConfigError: a constant is none of its endpoint's answers; says what is wrong with it.
    """
    named = {version.partition(":")[0].partition("@")[0]: version for version in coming}
    for endpoint, ladder in ladders(workspace.settings).items():
        signature = _signature(workspace, endpoint, named) if ladder.constant else None
        if signature is not None:
            read_constant(endpoint, signature.outputs, ladder.constant)


def _signature(workspace: Workspace, endpoint: str, coming: dict[str, str]) -> Signature | None:
    """Of what answers an endpoint, or will; None if nothing does."""
    try:
        return workspace.route(endpoint).signature
    except NotFoundError:
        pass
    try:
        return workspace.registry.resolve(coming.get(endpoint, endpoint)).signature
    except NotFoundError:
        return None
