"""From what a function made to a registered version that fits the endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from fairlead.app.updating.rows import find_form, spread
from fairlead.app.updating.train import Fitted
from fairlead.app.workspace import Workspace
from fairlead.bundle import Bundle, Mode, UpdateFacts
from fairlead.errors import ExportError
from fairlead.packaging import make_bundle
from fairlead.registry import Version
from fairlead.runners.frame import make_frame
from fairlead.signature import Field, fits, from_frame, infer_inputs
from fairlead.updates.gather import Gathered
from fairlead.updates.types import Update, UpdateSpec


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that answers.

    Args:
        version: it.
        bundle: its.
        allow_pickle: whether its route lets it be a pickle.
    """

    version: Version
    bundle: Bundle
    allow_pickle: bool


@contextmanager
def bundled(
    workspace: Workspace, champion: Champion, fitted: Fitted, gathered: Gathered, spec: UpdateSpec,
    facts: UpdateFacts | None,
) -> Iterator[Bundle]:  # fmt: skip
    """A bundle of what a function made, which is gone afterwards.

    It takes what the champion takes, with its policies, and its rows are those learnt from; its
    metrics are of the holdout.

    Args:
        workspace: whose keys sign it.
        champion: that it comes after.
        fitted: what the function made.
        gathered: what it was made of.
        spec: of the update.
        facts: of the update; None for a model that is not to be kept.

    Raises:
        ExportError: there is no safe form of the model, or it takes or answers something else.
    """
    signature = champion.version.signature
    names = [field.name for field in signature.inputs]
    held = gathered.holdout
    reference = _reference(fitted, champion, gathered)
    taken = {field.name for field in infer_inputs(reference)}
    unknown = sorted(taken.difference(names))
    _refuse(champion, [f"Input '{name}' is not among the endpoint's fields." for name in unknown])
    with make_bundle(
        fitted.model,
        reference,
        name=champion.version.model,
        keys=workspace.keys,
        clock=workspace.clock,
        folder=workspace.home.cache,
        fields={field.name: _kept(field) for field in signature.inputs if field.name in taken},
        extra=signature.extra,
        parent=champion.version.digest,
        allow_pickle=champion.allow_pickle,
        held_out=(held.select(names), held[spec.data.label].to_numpy()),
        update=facts,
    ) as bundle:
        _refuse(champion, fits(signature, bundle.info.signature))
        yield bundle


def _reference(fitted: Fitted, champion: Champion, gathered: Gathered) -> Any:
    """The rows learnt from, in the form that the model takes."""
    if fitted.rows is not None:
        return fitted.rows
    signature = champion.version.signature
    rows = spread(gathered.train.select(field.name for field in signature.inputs))
    form = find_form(fitted.model, champion.bundle.info.runner.frame, signature, rows)
    return make_frame(signature.inputs, from_frame(signature, rows), form)


def _refuse(champion: Champion, reasons: Sequence[str]) -> None:
    """Refuse a model that an endpoint could not change to.

    Raises:
        ExportError: there is a reason.
    """
    if reasons:
        raise ExportError(
            f"The model does not fit what {champion.version.name} takes and answers: "
            f"{' '.join(reasons)}",
            hint="Let the function fit it on the columns that it was given, and answer alike.",
        )


def _kept(field: Field) -> dict[str, object]:
    """What is kept of a champion's field: what it is, and what stands in for a value."""
    kept: dict[str, object] = {"kind": field.kind, "shape": field.shape, "coerce": field.coerce}
    policies: dict[str, object] = {"missing": field.missing, "unknown": field.unknown}
    kept |= {name: policy for name, policy in policies.items() if policy == "impute"}
    return kept | ({"impute": field.impute} if field.impute is not None else {})


def facts_of(
    spec: UpdateSpec, update: Update, mode: Mode, fitted: Fitted, gathered: Gathered
) -> UpdateFacts:
    """What a version keeps of the update that made it."""
    return UpdateFacts(
        name=update.name,
        mode=mode,
        causes=tuple(
            cause.reason or f"{cause.kind} {cause.name}".strip() for cause in update.causes
        ),
        learnt=gathered.learnt,
        code=fitted.code,
        params=digest_of(spec),
        engine=spec.engine,
        train_us=fitted.train_us,
    )


def digest_of(spec: UpdateSpec) -> str:
    """SHA-256 of what a function is given beside the data, and of its name."""
    given = msgspec.json.encode([spec.train, spec.params], order="sorted")
    return hashlib.sha256(given).hexdigest()


def find_made(workspace: Workspace, model: str, name: str) -> Version | None:
    """The version that an attempt at an update has registered before it was killed."""
    for version in reversed(workspace.registry.versions(model)):
        if version.lineage.update is not None and version.lineage.update.name == name:
            return version
    return None
