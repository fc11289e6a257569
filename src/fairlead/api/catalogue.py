"""Models and versions as people look at them, and the port that gives them."""

from __future__ import annotations

from typing import Protocol

import msgspec

from fairlead.registry import Evaluated, Model, Version
from fairlead.registry.differ import FieldDifference


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that a version answers.

    Args:
        endpoint: its name.
        role: of the version there: `stable`, `candidate`, `shadow`.
        share: of the requests, 0 to 1; of a shadow, of those that it sees.
    """

    endpoint: str
    role: str
    share: float


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number that says how good answers are.

    Args:
        name: of the metric.
        value: as measured.
        low: lower end of its interval; None if it has none.
        high: upper end.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured last of a version.

    Args:
        rows: on how many; 0 if that is not known.
        time_us: when, microseconds since 1970.
        is_evaluation: whether on rows of an evaluation, with intervals; else on the rows that it
            was packaged with.
        data_digest: of the rows; empty if that is not known.
        metrics: that were measured.
    """

    rows: int
    time_us: int
    is_evaluation: bool
    data_digest: str
    metrics: tuple[Metric, ...]


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A version in one line.

    Args:
        name: `churn:7`.
        number: of it.
        created_us: when it was packaged, microseconds since 1970.
        registered_by: who registered it; empty if that is not known.
        framework: what it was fitted with.
        runner: what executes it.
        task: what kind of answer it is.
        pickle: whether loading it runs a pickle.
        size_bytes: of its archive.
        aliases: that point at it.
        answers: endpoints that it answers now.
        parent: name of the version it was updated from, or its digest where that is not here;
            empty if it was made anew.
        update: that made it, or made it smaller, by what each word of it is about; empty if
            somebody packaged it.
        measured: last; None if nothing was.
        warnings: what is doubtful about it.
    """

    name: str
    number: int
    created_us: int
    registered_by: str
    framework: str
    runner: str
    task: str
    pickle: bool
    size_bytes: int
    aliases: tuple[str, ...]
    answers: tuple[Answer, ...]
    parent: str
    update: dict[str, str] = {}
    measured: Measured | None
    warnings: tuple[str, ...]


class ShownModel(Model, frozen=True, kw_only=True):
    """A model and its versions.

    Args:
        versions: newest first.
    """

    versions: tuple[VersionLine, ...]


class PackedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a bundle.

    Args:
        path: in it.
        size_bytes: of it.
    """

    path: str
    size_bytes: int


class ShownVersion(Version, frozen=True, kw_only=True):
    """All that is known of a version.

    Args:
        line: the same in short, with what points at it and what it answers.
        evaluations: of it, newest first.
        files: of its bundle, largest first.
        signer: public key that signed the bundle, hex.
        problem: why the bundle could not be opened; empty if it could.
    """

    line: VersionLine
    evaluations: tuple[Evaluated, ...]
    files: tuple[PackedFile, ...]
    signer: str
    problem: str


class MetricPair(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of two versions.

    Args:
        name: of it.
        left: of the one; None if it was not measured.
        right: of the other.
        difference: right less left, with the interval of a paired evaluation if there was one.
    """

    name: str
    left: Metric | None
    right: Metric | None
    difference: Metric | None


class FactPair(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of two versions.

    Args:
        name: of it.
        left: of the one, in words; empty if it is not known.
        right: of the other.
        differs: whether they are not the same.
    """

    name: str
    left: str
    right: str
    differs: bool


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of a model, side by side.

    Args:
        left: the one.
        right: the other.
        same_rows: whether the metrics were measured on the same rows.
        metrics: of both.
        facts: of both: what they were made from and with.
        fields: of their signatures that differ.
        packages: of their environments that differ.
    """

    left: VersionLine
    right: VersionLine
    same_rows: bool
    metrics: tuple[MetricPair, ...]
    facts: tuple[FactPair, ...]
    fields: tuple[FieldDifference, ...]
    packages: tuple[FactPair, ...]


class Catalogue(Protocol):
    """The registry, as people look at it."""

    def models(self) -> list[ShownModel]:
        """All models, by name."""
        ...

    def model(self, name: str) -> ShownModel:
        """One model.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        ...

    def version(self, reference: str) -> ShownVersion:
        """One version, by `churn:7` or `churn@champion`.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def compare(self, model: str, left: int, right: int) -> Comparison:
        """Two versions of a model, side by side.

        Raises:
            NotFoundError: there is no such model or version.
        """
        ...

    def point(
        self, model: str, alias: str, number: int | None, actor: str, reason: str = ""
    ) -> None:
        """Point an alias at a version; None takes it away.

        Raises:
            ConfigError: the alias is no name.
            NotFoundError: there is no such model, version or alias.
        """
        ...
