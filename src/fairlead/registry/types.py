"""The records of this package."""

from __future__ import annotations

import msgspec

from fairlead.bundle import Compression, Learned, Proof, Tolerance, UpdateFacts
from fairlead.records import Kind
from fairlead.signature import Signature, Task
from fairlead.stats import Estimate


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what points into its versions.

    Args:
        name: of the model.
        latest: the highest version number there is.
        aliases: e.g. `champion`, to version numbers.
    """

    name: str
    latest: int
    aliases: dict[str, int] = {}


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version came from.

    Args:
        data_digest: of the reference rows it was packaged with; empty if unknown.
        rows: how many these were.
        revision: of the code, if it was in git.
        changed: whether that code had changes that were not committed.
        parent: digest of the bundle it was updated from.
        environment: package name to version.
        update: that made it; None where somebody packaged it, or a learner did.
        learned: where the learner was that made it; None where none did.
        compression: that made it; None where it is no smaller form of another.
    """

    data_digest: str = ""
    rows: int = 0
    revision: str = ""
    changed: bool = False
    parent: str = ""
    environment: dict[str, str] = {}
    update: UpdateFacts | None = None
    learned: Learned | None = None
    compression: Compression | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One registered bundle; nothing of it ever changes but its tags, and that it is let go.

    Args:
        model: its model's name.
        number: from 1, rising.
        digest: of the bundle.
        blob: where the bundle's archive lies in the blob store; empty once it is gone.
        signature: what it takes and answers.
        task: what kind of answer it is.
        framework: what it was fitted with.
        runner: what executes it.
        pickle: whether loading it runs a pickle.
        trainable: the form an update can start from; None if there is none.
        size_bytes: of the archive.
        created_us: when it was packaged, microseconds since 1970.
        metrics: on the reference rows.
        notes: what a reader should know.
        lineage: where it came from.
        tags: the user's own words.
        registered_by: who registered it; empty if that is not known.
        tolerance: how exactly it must answer as the original.
        proof: how exactly it did when it was packaged; None where that was not measured.
        let_go_us: since when nobody is given its bundle any more, microseconds since 1970; None
            as long as it is there.
    """

    model: str
    number: int
    digest: str
    blob: str
    signature: Signature
    task: Task
    framework: str
    runner: str
    pickle: bool
    trainable: str | None
    size_bytes: int
    created_us: int
    metrics: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    lineage: Lineage = Lineage()
    tags: dict[str, str] = {}
    registered_by: str = ""
    tolerance: Tolerance = Tolerance()
    proof: Proof | None = None
    let_go_us: int | None = None

    @property
    def name(self) -> str:
        """How it is written: `churn:7`."""
        return f"{self.model}:{self.number}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.framework}, served by {self.runner}>"


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation of a version on labelled rows found.

    Args:
        rows: how many.
        data_digest: of them.
        created_us: when, microseconds since 1970.
        metrics: with intervals.
        against: the version it was compared with; None if with none.
        differences: to that one, in the same metrics.
        slices: metrics by `field=value`.
    """

    rows: int
    data_digest: str
    created_us: int
    metrics: dict[str, Estimate]
    against: str | None = None
    differences: dict[str, Estimate] = {}
    slices: dict[str, dict[str, Estimate]] = {}


MODELS = Kind("model", Model)
VERSIONS = Kind("version", Version)
EVALUATIONS = Kind("evaluation", Evaluated)
