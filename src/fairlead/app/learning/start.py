"""Learners, put together: each has a process of its own, and its checkpoints are released."""

from __future__ import annotations

import msgspec

from fairlead.app.attempt import Asked, AttemptProcess, Speech
from fairlead.app.learning.specs import learners
from fairlead.app.releasing import plan_for
from fairlead.app.workspace import Workspace
from fairlead.learning import OnlineSpec, Stopped
from fairlead.learning.controller import LearningController
from fairlead.releases import Release


class AskedLearner(Asked, frozen=True, kw_only=True):
    """What a learner's process is started with.

    Args:
        spec: how it learns.
    """

    spec: OnlineSpec


SPEECH: Speech[Stopped] = Speech(
    module="fairlead.app.learning.child",
    read=msgspec.msgpack.Decoder(Stopped).decode,
    ends=(Stopped,),
    died=lambda how: Stopped(f"Its process ended {how}."),
)


def learning_controller(workspace: Workspace) -> LearningController:
    """Lets the models learn that the settings of a workspace say do."""
    settings = workspace.settings

    def start(spec: OnlineSpec, lease: str, holder: str) -> AttemptProcess[Stopped]:
        asked = AskedLearner(
            home=str(workspace.home.path),
            settings=settings,
            lease=lease,
            holder=holder,
            spec=spec,
        )
        return AttemptProcess(SPEECH, asked)

    def ask(spec: OnlineSpec, name: str, reason: str) -> Release:
        version = workspace.registry.resolve(name)
        plan, _ = plan_for(workspace, spec.endpoint, {"strategy": spec.release})
        ref = workspace.ref(version)
        return workspace.releases.request(
            spec.endpoint, ref, version.signature, "online", plan, reason
        )

    return LearningController(
        workspace.store,
        workspace.blobs,
        workspace.releases,
        workspace.clock,
        learners(settings),
        start,
        ask,
    )
