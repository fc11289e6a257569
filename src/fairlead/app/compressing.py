"""A version made smaller, and registered as the next one of its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from fairlead.app.workspace import Workspace
from fairlead.bundle import read_file
from fairlead.compress.methods import named, stages
from fairlead.compress.run import Outcome, make_smaller
from fairlead.compress.types import Limits
from fairlead.compress.write import Smaller, compression_of, write_smaller
from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.registry import Version
from fairlead.signature import Batch, Signature, from_frame

if TYPE_CHECKING:
    import polars as pl

LABEL = "label"
SAME = ("original", "steps", "metric", "data")
"""What two versions have in common that are one form, known by the same rows."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """What came of making a version smaller.

    Args:
        original: the version.
        outcome: all forms and what is known of them.
        version: it became; None where nothing was gained, or nothing was to be registered.
        known: whether that version was there already.
    """

    original: Version
    outcome: Outcome
    version: Version | None
    known: bool = False


def compress_version(
    workspace: Workspace,
    reference: str,
    rows: pl.DataFrame,
    *,
    fit: pl.DataFrame | None = None,
    label: str | None = None,
    methods: Sequence[str] = (),
    limits: Limits = Limits(),  # noqa: B008 - frozen
    seed: int = 0,
    register: bool = True,
) -> Compressed:
    """Search smaller forms of a version, and register the best, unless it is there already.

    Args:
        workspace: that has the version.
        reference: of the version.
        rows: its inputs, that it has not learnt from, and a column of labels if they are known.
        fit: rows to fit forms to, as those that it learnt from; some of `rows` if not given.
        label: the column of labels; `label` if there is such a one and none is named.
        methods: by name; all if none is.
        limits: of what may be lost, and of time.
        seed: of what is drawn: the same gives the same forms.
        register: whether the best becomes a version.

    Raises:
        NotFoundError: there is no such version.
        ConfigError: a column or a method is not there, or there are too few rows.
        InputError: rows do not fit the version's inputs.
    """
    version = workspace.registry.resolve(reference)
    wanted = named(methods, stages())
    truth = _truth(rows, label)
    if truth is None and limits.metric:
        raise ConfigError(
            f"There are no labels to measure {limits.metric} by.",
            hint="Name their column with --label, or leave out --metric.",
        )
    batch = _batch(version.signature, rows)
    bundle = workspace.bundle(version)
    outcome = make_smaller(
        bundle,
        batch,
        truth,
        wanted,
        limits,
        fit=None if fit is None else _batch(version.signature, fit),
        seed=seed,
        clock=workspace.clock,
    )
    if outcome.chosen is None or not register:
        return Compressed(version, outcome, None)
    made = Smaller(bundle, outcome, batch, limits, seed)
    known = _known(workspace, made)
    if known is not None:
        return Compressed(version, outcome, known, known=True)
    with write_smaller(
        made, keys=workspace.keys, clock=workspace.clock, folder=workspace.home.cache
    ) as smaller:
        return Compressed(version, outcome, workspace.register(smaller))


def _known(workspace: Workspace, made: Smaller) -> Version | None:
    """The version that has these very bytes, from the same original and judged by the same rows.

    A bundle tells when it was made and how long answers took, so its digest is never the same.
    """
    ours = compression_of(made)
    for version in workspace.registry.versions(made.original.info.name):
        theirs = version.lineage.compression
        if theirs is None or version.let_go_us is not None:
            continue
        if all(getattr(ours, each) == getattr(theirs, each) for each in SAME):
            bundle = workspace.bundle(version)
            if read_file(bundle, bundle.info.runner.path) == made.line.form.raw:
                return version
    return None


def _truth(rows: pl.DataFrame, label: str | None) -> npt.NDArray[Any] | None:
    if label is None and LABEL not in rows.columns:
        return None
    name = label or LABEL
    if name not in rows.columns:
        close = nearest(name, rows.columns)
        raise ConfigError(
            f"The rows have no column '{name}' of labels.",
            hint=f"Did you mean '{close}'?" if close else f"They have {', '.join(rows.columns)}.",
        )
    found: npt.NDArray[Any] = rows[name].to_numpy()
    return found


def _batch(signature: Signature, rows: pl.DataFrame) -> Batch:
    names = [field.name for field in signature.inputs if field.name in rows.columns]
    if not names:
        raise ConfigError(
            f"The rows have none of the columns that the version takes: "
            f"{', '.join(field.name for field in signature.inputs[:10])}.",
            hint=f"They have {', '.join(rows.columns[:10])}.",
        )
    lacked = [field.name for field in signature.inputs if field.name not in rows.columns]
    if lacked:  # where missing values are allowed, all rows would be judged without it
        raise ConfigError(
            f"The rows lack {len(lacked)} of the columns that the version takes: "
            f"{', '.join(lacked[:10])}.",
            hint="Name them as the model knows them; a column without values may be all null.",
        )
    return from_frame(signature, rows.select(names))
