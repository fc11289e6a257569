"""A version measured on labelled rows, also against another, and the result kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import Evaluation, evaluate
from fairlead.packaging.environment import data_digest
from fairlead.registry import Evaluated, Version
from fairlead.runners.load import answer_all
from fairlead.signature import Batch, from_frame

if TYPE_CHECKING:
    import polars as pl

SEED = 20_260_101


def evaluate_version(
    workspace: Workspace,
    reference: str,
    rows: pl.DataFrame,
    *,
    label: str,
    against: str | None = None,
    slices: Sequence[str] = (),
    allow_pickle: bool = False,
) -> Evaluation:
    """Measure a version, and keep the result with it.

    Args:
        workspace: that has the version.
        reference: of the version.
        rows: its inputs and a column of labels; other columns may be used for slices.
        label: the column of labels.
        against: a version to compare with, row by row.
        slices: columns whose values divide the rows.
        allow_pickle: whether pickled payloads may be loaded.

    Returns:
        Metrics with intervals, overall and by slice, and the difference to the other version.

    Raises:
        ConfigError: a column is missing, or a row has no label.
    """
    missing = [column for column in (label, *slices) if column not in rows.columns]
    if missing:
        raise ConfigError(
            f"The rows have no column {', '.join(missing)}.",
            hint=f"They have {', '.join(rows.columns)}.",
        )
    truth = rows[label].to_numpy()
    version = workspace.registry.resolve(reference)
    other = workspace.registry.resolve(against) if against else None
    outputs, batch = _answers(workspace, version, rows, allow_pickle=allow_pickle)
    opposing = _answers(workspace, other, rows, allow_pickle=allow_pickle)[0] if other else None
    evaluation = evaluate(
        outputs,
        version.signature,
        truth,
        against=opposing,
        against_signature=other.signature if other else None,
        slices={column: rows[column].to_numpy() for column in slices},
        seed=SEED,
    )
    evaluated = Evaluated(
        rows=evaluation.rows,
        data_digest=data_digest(batch),
        created_us=workspace.clock.now_us(),
        metrics=evaluation.metrics,
        against=other.name if other else None,
        differences=evaluation.differences,
        slices={f"{part.field}={part.value}": part.metrics for part in evaluation.slices},
    )
    workspace.registry.add_evaluation(version, evaluated)
    return evaluation


def _answers(
    workspace: Workspace, version: Version, rows: pl.DataFrame, *, allow_pickle: bool
) -> tuple[Batch, Batch]:
    """A version's answers to the rows, and the rows as it took them."""
    names = [field.name for field in version.signature.inputs if field.name in rows.columns]
    batch = from_frame(version.signature, rows.select(names))
    return answer_all(workspace.bundle(version), batch, allow_pickle=allow_pickle), batch
