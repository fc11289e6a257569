"""The gate is given what it asks for: leaks, slices, and a placebo where something is too good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError
from fairlead.logs import tell
from fairlead.updates.gather import Gathered
from fairlead.updates.leaks import seek_leaks
from fairlead.updates.placebo import placebo_labels
from fairlead.updates.types import Judgement, UpdateSpec
from fairlead.updates.weigh import Answered, is_suspicious, weigh

if TYPE_CHECKING:
    import polars as pl

SEED = 20_260_101


def weigh_both(
    spec: UpdateSpec, champion: Answered, challenger: Answered, gathered: Gathered,
    train_placebo: Callable[[pl.DataFrame], Answered] | None, *, fields: Sequence[str],
) -> Judgement:  # fmt: skip
    """The gate's word.

    Args:
        spec: of the update.
        champion: answers of the version that answers.
        challenger: answers of the new one.
        gathered: the rows.
        train_placebo: from rows with labels of others to the answers of a model that learnt from
            these; None where it would say nothing, as of one that goes on from the true labels.
        fields: the inputs.
    """
    label = spec.data.label
    truth = gathered.holdout[label].to_numpy()
    learnt = gathered.train.filter(gathered.train[label].is_not_null())
    placebo = None
    if train_placebo is not None and is_suspicious(champion, challenger, truth):
        placebo = _placebo(train_placebo, learnt, label)
    return weigh(
        spec.gate,
        champion,
        challenger,
        truth,
        slices={name: gathered.holdout[name].to_numpy() for name in spec.gate.slices},
        leaks=seek_leaks(learnt, gathered.holdout, fields=fields, label=label),
        placebo=placebo,
        seed=SEED,
    )


def _placebo(
    train: Callable[[pl.DataFrame], Answered], learnt: pl.DataFrame, label: str
) -> Answered | None:
    import polars as pl

    shuffled = placebo_labels(learnt[label].to_numpy(), seed=SEED)
    try:
        return train(learnt.with_columns(pl.Series(label, shuffled, dtype=learnt[label].dtype)))
    except FairleadError as error:  # nothing true can be learnt: nor may the function bear it
        tell("warning", "no_placebo", f"No model could be made of shuffled labels: {error}")
        return None
