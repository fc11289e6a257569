"""The registry: numbers versions, never changes them, and finds them again."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from fairlead.bundle import BundleInfo
from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.names import check_name, is_name
from fairlead.nearest import nearest
from fairlead.registry.types import (
    EVALUATIONS,
    MODELS,
    VERSIONS,
    Evaluated,
    Lineage,
    Model,
    Version,
)
from fairlead.routing import ROUTES, number_of
from fairlead.store import ABSENT, Blobs, Event, Put, Store, Stored

Detail = dict[str, str | int | float | bool | None]

CHAMPION = "champion"
ATTEMPTS = 20
_NUMBER_DIGITS = 8  # so that keys sort as numbers do


class Registry:
    """Models and versions in a store.

    Args:
        store: of the records.
        blobs: of the bundles.
        clock: for the audit.
    """

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def register(
        self, archive: Path, info: BundleInfo, digest: str, actor: str = "registry"
    ) -> Version:
        """Keep a bundle and give it the next number of its model.

        The same bundle twice is the same version; one that was let go is there again.

        Args:
            archive: the bundle as one file.
            info: what its `bundle.json` says.
            digest: the bundle's.
            actor: who registers it.
        """
        blob = f"bundles/{digest}.fairlead"
        self._blobs.put(blob, archive)
        size_bytes = archive.stat().st_size
        for _ in range(ATTEMPTS):
            model = self._store.get(MODELS, MODELS.key(info.name))
            known = [v for v in self.versions(info.name) if v.digest == digest] if model else []
            if known and known[0].let_go_us is None:
                return known[0]
            version = _version(
                info, digest, blob, size_bytes, model.value.latest + 1 if model else 1, actor
            )
            try:
                if known:
                    detail: Detail = {"reason": "It was registered again."}
                    back = {"let_go_us": None, "blob": blob}
                    self._change(known[0].name, "take back", detail, actor, **back)
                    return self.resolve(known[0].name)
                self._add(version, model)
            except ConflictError:
                continue  # someone registered at the same moment: take the next number
            return version
        raise ConflictError(f"Too many others register versions of '{info.name}' at once.")

    def _add(self, version: Version, model: Stored[Model] | None) -> None:
        before = model.value if model else Model(name=version.model, latest=0)
        after = msgspec.structs.replace(before, latest=version.number)
        detail: Detail = {"digest": version.digest}
        self._store.commit(
            Put(MODELS, MODELS.key(version.model), after, model.revision if model else ABSENT),
            Put(VERSIONS, _key(version.model, version.number), version, ABSENT),
            events=[self._event("register", version.name, detail, version.registered_by)],
        )

    def models(self) -> list[Model]:
        """All models, by name."""
        return [stored.value for stored in self._store.scan(MODELS)]

    def versions(self, model: str) -> list[Version]:
        """A model's versions, oldest first."""
        return [stored.value for stored in self._store.scan(VERSIONS, f"{model}/")]

    def resolve(self, reference: str) -> Version:
        """Find a version.

        Args:
            reference: `churn:7`, `churn@champion`, or `churn` for the latest.

        Raises:
            NotFoundError: there is none; says which there are.
            ConfigError: it is not written as a version is.
        """
        return self._resolve(reference).value

    def _resolve(self, reference: str) -> Stored[Version]:
        name, mark, rest = _split(reference)
        model = self._model(name).value
        if mark == "@":
            aliases = self._aliases(model)
            number = aliases.get(rest)
            if number is None:
                known = ", ".join(f"@{alias}" for alias in aliases) or "none"
                raise NotFoundError(
                    f"The model '{name}' has no alias '@{rest}'; it has {known}.",
                    hint=f"To make one: fairlead alias {name}:{model.latest} {rest}.",
                )
        else:
            number = int(rest) if rest else model.latest
        stored = self._store.get(VERSIONS, _key(name, number))
        if stored is None:
            raise NotFoundError(
                f"There is no version {name}:{number}.",
                hint=f"The latest is {name}:{model.latest}.",
            )
        return stored

    def _model(self, name: str) -> Stored[Model]:
        model = self._store.get(MODELS, MODELS.key(name))
        if model is None:
            known = [other.name for other in self.models()]
            close = nearest(name, known)
            hint = (
                f"Did you mean '{close}'?" if close else "'fairlead models' lists those there are."
            )
            raise NotFoundError(f"There is no model '{name}' at this home.", hint=hint)
        return model

    def aliases(self, model: str) -> dict[str, int]:
        """A model's aliases, to version numbers.

        `champion` is the version that answers the endpoint of the model's own name, unless it
        was pointed at another.
        """
        return self._aliases(self._model(model).value)

    def _aliases(self, model: Model) -> dict[str, int]:
        route = self._store.get(ROUTES, ROUTES.key(model.name))
        arms = () if route is None else route.value.arms
        stable = [arm.version.name for arm in arms if arm.role == "stable"]
        answering = [name for name in stable if name.startswith(f"{model.name}:")]
        if not answering:
            return model.aliases
        return {CHAMPION: int(number_of(answering[0]))} | model.aliases

    def set_alias(
        self,
        model: str,
        alias: str,
        number: int | None,
        actor: str = "registry",
        reason: str = "",
    ) -> None:
        """Point an alias at a version; None takes it away.

        Args:
            model: whose.
            alias: its name.
            number: of the version.
            actor: who wants it.
            reason: why.

        Raises:
            ConfigError: it is not a word.
            NotFoundError: there is no such version.
        """
        check_name(alias, "alias")
        if number is not None:
            self._resolve(f"{model}:{number}")
        for _ in range(ATTEMPTS):
            stored = self._model(model)
            aliases = {a: n for a, n in stored.value.aliases.items() if a != alias}
            if number is not None:
                aliases[alias] = number
            after = msgspec.structs.replace(stored.value, aliases=aliases)
            detail: Detail = {"version": number}
            if reason:
                detail["reason"] = reason
            event = self._event("alias", f"{model}@{alias}", detail, actor)
            try:
                self._store.commit(Put(MODELS, stored.key, after, stored.revision), events=[event])
            except ConflictError:
                continue
            return
        raise ConflictError(f"Too many others change the model '{model}' at once.")

    def tag(self, reference: str, tags: dict[str, str], actor: str = "registry") -> Version:
        """Add tags to a version; those of the same key are replaced."""
        stored = self._resolve(reference)
        after = msgspec.structs.replace(stored.value, tags={**stored.value.tags, **tags})
        event = self._event("tag", after.name, dict(tags), actor)
        self._store.commit(Put(VERSIONS, stored.key, after, stored.revision), events=[event])
        return after

    def let_go(self, reference: str, actor: str, reason: str) -> None:
        """Give nobody a version's bundle any more, so that it can be removed later."""
        detail: Detail = {"reason": reason}
        self._change(reference, "let go", detail, actor, let_go_us=self._clock.now_us())

    def take_back(self, reference: str, actor: str, reason: str) -> None:
        """Give a version's bundle again, that was let go and is still there."""
        self._change(reference, "take back", {"reason": reason}, actor, let_go_us=None)

    def remove_bundle(self, reference: str, actor: str) -> None:
        """Remove the bundle of a version that was let go; what is known of it stays."""
        version = self._resolve(reference).value
        if version.let_go_us is None or not version.blob:
            return
        detail: Detail = {"bytes": version.size_bytes}
        self._change(reference, "remove bundle", detail, actor, blob="")
        self._blobs.delete(version.blob)  # last: a version never names a bundle that is not there

    def _change(
        self, reference: str, action: str, detail: Detail, actor: str, **changes: object
    ) -> None:
        stored = self._resolve(reference)
        after = msgspec.structs.replace(stored.value, **changes)
        event = self._event(action, after.name, detail, actor)
        self._store.commit(Put(VERSIONS, stored.key, after, stored.revision), events=[event])

    def add_evaluation(self, version: Version, evaluated: Evaluated) -> None:
        """Keep what an evaluation of a version found."""
        key = EVALUATIONS.key(*_place(version), f"{evaluated.created_us:016d}")
        self._store.commit(Put(EVALUATIONS, key, evaluated, None))

    def evaluations(self, version: Version) -> list[Evaluated]:
        """A version's evaluations, oldest first."""
        prefix = "/".join((*_place(version), ""))
        return [stored.value for stored in self._store.scan(EVALUATIONS, prefix)]

    def _event(self, action: str, subject: str, detail: Detail, actor: str) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=subject,
            detail=detail,
        )


def _key(model: str, number: int) -> str:
    return VERSIONS.key(model, f"{number:0{_NUMBER_DIGITS}d}")


def _place(version: Version) -> tuple[str, str]:
    return version.model, f"{version.number:0{_NUMBER_DIGITS}d}"


def _split(reference: str) -> tuple[str, str, str]:
    """Name, `:` or `@` or nothing, and what follows."""
    found = re.fullmatch(r"([^:@]+)(?:(:)([0-9]{1,8})|(@)([^:@]+))?", reference)
    if found is None or not is_name(found[1]):
        raise ConfigError(
            f"'{reference}' does not name a version.", hint="Write churn:7 or churn@champion."
        )
    return found[1], found[2] or found[4] or "", found[3] or found[5] or ""


def _version(
    info: BundleInfo, digest: str, blob: str, size_bytes: int, number: int, actor: str
) -> Version:
    return Version(
        model=info.name,
        number=number,
        digest=digest,
        blob=blob,
        signature=info.signature,
        task=info.signature.task,
        framework=info.framework,
        runner=info.runner.kind,
        pickle=info.runner.pickle,
        trainable=info.trainable.format if info.trainable else None,
        size_bytes=size_bytes,
        created_us=info.created_us,
        metrics=info.metrics,
        notes=info.notes,
        registered_by=actor,
        tolerance=info.tolerance,
        proof=info.proof,
        lineage=Lineage(
            data_digest=info.data.digest if info.data else "",
            rows=info.data.rows if info.data else 0,
            revision=info.code.revision if info.code else "",
            changed=info.code.changed if info.code else False,
            parent=info.parent or "",
            environment=info.environment,
            update=info.update,
            learned=info.learned,
            compression=info.compression,
        ),
    )
