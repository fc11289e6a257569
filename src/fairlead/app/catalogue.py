"""Models and versions as people look at them, put together from the registry and the bundles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from fairlead.api.catalogue import (
    Answer,
    Comparison,
    Measured,
    Metric,
    PackedFile,
    ShownModel,
    ShownVersion,
    VersionLine,
)
from fairlead.app.comparing import compare
from fairlead.app.workspace import Workspace
from fairlead.bundle import described_gains
from fairlead.bundle.manifest import read_manifest
from fairlead.errors import ConfigError, FairleadError, NotFoundError
from fairlead.learning import describe_learned
from fairlead.registry import Evaluated, Version, check_kept
from fairlead.registry.warn import warnings
from fairlead.routing import ROUTES, Route
from fairlead.stats import Estimate
from fairlead.updates.classify import lineage_of
from fairlead.updates.describe import describe

REASON_LENGTH_MAX = 500


class WorkspaceCatalogue:
    """The registry of a workspace, as people look at it.

    Args:
        workspace: whose.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._registry = workspace.registry
        self._packed = lru_cache(maxsize=64)(self._read_packed)

    def models(self) -> list[ShownModel]:
        """All models, by name."""
        answers = self._answers()
        return [self._shown(model.name, answers) for model in self._registry.models()]

    def model(self, name: str) -> ShownModel:
        """One model."""
        self._registry.aliases(name)
        return self._shown(name, self._answers())

    def version(self, reference: str) -> ShownVersion:
        """One version, by `churn:7` or `churn@champion`."""
        version = self._registry.resolve(reference)
        line = self._line(version, self._answers())
        files: tuple[PackedFile, ...] = ()
        problem, signer = "", ""
        try:
            check_kept(version)
            files, signer = self._packed(version.blob, version.digest)
        except FairleadError as error:
            problem = str(error)
        return ShownVersion(
            **msgspec.structs.asdict(version),
            line=line,
            evaluations=tuple(reversed(self._registry.evaluations(version))),
            files=files,
            signer=signer,
            problem=problem,
        )

    def compare(self, model: str, left: int, right: int) -> Comparison:
        """Two versions of a model, side by side."""
        one, two = (self._registry.resolve(f"{model}:{number}") for number in (left, right))
        answers = self._answers()
        return compare(
            (one, self._line(one, answers), self._registry.evaluations(one)),
            (two, self._line(two, answers), self._registry.evaluations(two)),
        )

    def point(
        self, model: str, alias: str, number: int | None, actor: str, reason: str = ""
    ) -> None:
        """Point an alias at a version; None takes it away."""
        if len(reason) > REASON_LENGTH_MAX:
            raise ConfigError(f"A reason has at most {REASON_LENGTH_MAX} characters.")
        known = next((one for one in self._registry.models() if one.name == model), None)
        if number is None and known is not None and alias not in known.aliases:
            raise NotFoundError(
                f"No alias '@{alias}' was set at the model '{model}'.",
                hint="'@champion' follows the endpoint of the model's name by itself."
                if alias == "champion"
                else "",
            )
        self._registry.set_alias(model, alias, number, actor, reason)

    def _shown(self, name: str, answers: Mapping[str, Sequence[Answer]]) -> ShownModel:
        versions = self._registry.versions(name)
        aliases = self._registry.aliases(name)
        lines = tuple(self._line(one, answers, versions, aliases) for one in reversed(versions))
        latest = versions[-1].number if versions else 0
        return ShownModel(name=name, latest=latest, aliases=aliases, versions=lines)

    def _line(
        self,
        version: Version,
        answers: Mapping[str, Sequence[Answer]],
        siblings: Sequence[Version] | None = None,
        aliases: Mapping[str, int] | None = None,
    ) -> VersionLine:
        known = self._registry.versions(version.model) if siblings is None else siblings
        pointing = self._registry.aliases(version.model) if aliases is None else aliases
        return VersionLine(
            name=version.name,
            number=version.number,
            created_us=version.created_us,
            registered_by=version.registered_by,
            framework=version.framework,
            runner=version.runner,
            task=version.task,
            pickle=version.pickle,
            size_bytes=version.size_bytes,
            aliases=tuple(sorted(a for a, number in pointing.items() if number == version.number)),
            answers=tuple(answers.get(version.name, ())),
            parent=_parent(version, known),
            update=describe(version.lineage, lineage_of(version.lineage.parent, known))
            | described_gains(version.lineage.compression)
            | describe_learned(version.lineage.learned),
            measured=measured(version, self._registry.evaluations(version)),
            warnings=warnings(version),
        )

    def _answers(self) -> Mapping[str, Sequence[Answer]]:
        """The endpoints that each version answers, by its name."""
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        for stored in self._workspace.store.scan(ROUTES):
            for version, answer in _answers_of(stored.value):
                found[version].append(answer)
        return found

    def _read_packed(self, blob: str, digest: str) -> tuple[tuple[PackedFile, ...], str]:
        """The files of a bundle, which never change, and who signed it."""
        bundle = self._workspace.bundles.get(blob, digest)
        entries = read_manifest((bundle.path / "manifest").read_bytes())
        files = (PackedFile(path=entry.path, size_bytes=entry.size) for entry in entries)
        return tuple(sorted(files, key=lambda file: -file.size_bytes)), bundle.signer


def measured(version: Version, evaluations: Sequence[Evaluated]) -> Measured | None:
    """What was measured of a version last: an evaluation, else the rows it was packaged with."""
    if evaluations:
        last = evaluations[-1]
        return Measured(
            rows=last.rows,
            time_us=last.created_us,
            is_evaluation=True,
            data_digest=last.data_digest,
            metrics=tuple(_estimates(last.metrics.items())),
        )
    if not version.metrics:
        return None
    made = version.lineage.compression
    return Measured(
        rows=version.lineage.rows if made is None else made.rows,
        time_us=version.created_us,
        is_evaluation=False,
        data_digest=version.lineage.data_digest if made is None else "",
        metrics=tuple(Metric(name=name, value=value) for name, value in version.metrics.items()),
    )


def _estimates(named: Iterable[tuple[str, Estimate]]) -> Iterator[Metric]:
    for name, found in named:
        yield Metric(name=name, value=found.value, low=found.low, high=found.high)


def _parent(version: Version, known: Sequence[Version]) -> str:
    digest = version.lineage.parent
    return next((one.name for one in known if one.digest == digest), digest)


def _answers_of(route: Route) -> Iterator[tuple[str, Answer]]:
    for arm in route.arms:
        answer = Answer(endpoint=route.endpoint, role=arm.role, share=arm.weight)
        yield arm.version.name, answer
    for arm in route.shadows:
        yield arm.version.name, Answer(endpoint=route.endpoint, role="shadow", share=arm.weight)
