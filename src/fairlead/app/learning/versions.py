"""Versions of a model as a learner needs them: loaded to learn on, and made of a state."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fairlead.app.workspace import Workspace
from fairlead.bundle import Learned
from fairlead.learning.student import Student, load_student
from fairlead.packaging import make_bundle
from fairlead.runners.frame import make_frame
from fairlead.signature import Batch


@dataclass(frozen=True, slots=True)
class WorkspaceVersions:
    """The versions of a workspace.

    Args:
        workspace: of the registry and the bundles.
    """

    workspace: Workspace

    def load(self, version: str) -> Student:
        """A version's model, to learn on.

        Raises:
            ConfigError: it has no form that can.
        """
        return load_student(self.workspace.bundle(self.workspace.registry.resolve(version)))

    def save(self, student: Student, rows: Batch, parent: str, note: str, learned: Learned) -> str:
        """Register a state as a version that follows its parent; gives its name.

        Its fields are said to be the parent's: rows that came lately need not hold every category,
        and what answers an endpoint must go on taking what it took.

        Raises:
            ExportError: no form of it is both safe and equal to it.
        """
        before = self.workspace.registry.resolve(parent)
        inputs = student.signature.inputs
        described = {field.name: _said(field) for field in inputs}
        with make_bundle(
            student.model,
            make_frame(inputs, rows, student.form),
            name=before.model,
            keys=self.workspace.keys,
            clock=self.workspace.clock,
            folder=self.workspace.home.cache,
            fields=described,
            extra=student.signature.extra,
            parent=before.digest,
            learned=learned,
            notes=(note,),
        ) as bundle:
            version = self.workspace.register(bundle, "online")
        return version.name


def _said(field: msgspec.Struct) -> dict[str, object]:
    """All that is known of a field but its name."""
    return {k: v for k, v in msgspec.structs.asdict(field).items() if k != "name"}
