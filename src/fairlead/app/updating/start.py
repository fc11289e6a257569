"""An attempt at an update is started in a process of its own: the side of the controller."""

from __future__ import annotations

import msgspec

from fairlead.app.attempt import Asked, AttemptProcess, Speech
from fairlead.app.workspace import Workspace
from fairlead.updates.types import Broken, Doing, Done, Told, Update, UpdateSpec


class AskedUpdate(Asked, frozen=True, kw_only=True):
    """What a process is started with.

    Args:
        spec: what is to be done.
        update: which one it is.
    """

    spec: UpdateSpec
    update: Update


def _died(how: str) -> Told:
    return Broken(
        f"The process of the update ended {how}. If memory ran out, allow more with "
        "'limits.memory', or give the function less."
    )


UPDATES: Speech[Told] = Speech(
    module="fairlead.app.updating.child",
    read=msgspec.msgpack.Decoder(Doing | Done | Broken).decode,
    ends=(Done, Broken),
    died=_died,
)


def start(
    workspace: Workspace, spec: UpdateSpec, update: Update, lease: str, holder: str
) -> AttemptProcess[Told]:
    """Start an attempt.

    Args:
        workspace: of its home.
        spec: what is to be done.
        update: which one it is.
        lease: that it holds while it lives.
        holder: its name for that.
    """
    asked = AskedUpdate(
        home=str(workspace.home.path),
        settings=workspace.settings,
        lease=lease,
        holder=holder,
        spec=spec,
        update=update,
    )
    return AttemptProcess(UPDATES, asked)
