"""A challenger beside the champion on the same rows: the evidence, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.bundle import Proof
from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import SLICES_MAX, answers_beside, groups_of
from fairlead.monitoring.measure import Answers, Labels
from fairlead.signature import Batch, Signature
from fairlead.updates.contrast import metric_of, see
from fairlead.updates.judge import (
    SLICE_ROWS_MIN,
    judge,
    judge_calibration,
    judge_gain,
    judge_slice,
    rows_needed,
)
from fairlead.updates.leaks import Leaks
from fairlead.updates.placebo import is_too_good, judge_placebo
from fairlead.updates.refuse import (
    is_leaked,
    refuse_constant,
    refuse_cost,
    refuse_proof,
    refuse_repeated,
    refuse_telling,
)
from fairlead.updates.types import Finding, Gate, Judgement

Values = npt.NDArray[Any]
Pair = tuple[Answers, Answers]


@dataclass(frozen=True, slots=True)
class Answered:
    """A version's answers to the holdout, and what it takes to give them.

    Args:
        outputs: its answers, one for each row of the holdout, in their order.
        signature: of the version.
        us_per_row: microseconds that an answer took; 0 if that was not measured.
        size_bytes: of its bundle; 0 if that is not known.
        proof: how its answers compared with the original's when it was packaged; None without.
    """

    outputs: Batch
    signature: Signature
    us_per_row: float = 0.0
    size_bytes: int = 0
    proof: Proof | None = None


def is_suspicious(champion: Answered, challenger: Answered, truth: Values) -> bool:
    """Whether a challenger is so good that a placebo should be trained, and given to `weigh`.

    Args:
        champion: the version that answers now.
        challenger: the new one.
        truth: labels of the holdout, shape (rows,), none missing.

    Raises:
        ConfigError: as for `weigh`.
    """
    return challenger.outputs.rows > 0 and is_too_good(_beside(champion, challenger, truth)[0])


def weigh(
    gate: Gate,
    champion: Answered,
    challenger: Answered,
    truth: Values,
    *,
    slices: Mapping[str, Values] | None = None,
    units: Values | None = None,
    leaks: Leaks | None = None,
    placebo: Answered | None = None,
    seed: int,
) -> Judgement:
    """Hold a challenger against the champion on rows that neither was trained on.

    Args:
        gate: what it must prove.
        champion: the version that answers now; labels that it does not know count as wrong.
        challenger: the new one; so for its labels.
        truth: labels of the holdout, shape (rows,), none missing.
        slices: columns of the holdout by whose values no part may be worse, by field.
        units: whose row each is, as a user's id, where several rows are of one; None if rows have
            nothing to do with each other.
        leaks: of training rows into the holdout, as `seek_leaks` finds them.
        placebo: answers of a model that the same function made from `placebo_labels`.
        seed: of what is drawn; the same gives the same judgement.

    Raises:
        ConfigError: the answers have no such metric, or labels are missing or of another kind
            than the classes.
    """
    rows = challenger.outputs.rows
    if not rows:
        none = Finding(name=gate.metric or "rows", verdict="not enough data",
                       reason="The holdout has no rows.")  # fmt: skip
        return judge(none, needed=gate.rows_min, seed=seed)
    pair, notes = _beside(champion, challenger, truth)
    guards = [refuse_constant(_different(pair[1]), len(np.unique(pair[1].truth)), rows)]
    guards += _of_bundle(gate, champion, challenger)
    kept = np.arange(rows)
    if leaks is not None:
        guards += _of_leaks(leaks, rows)
        if _left_out(leaks):
            kept = np.flatnonzero(~leaks.repeated)
    if placebo is not None:
        guards.append(judge_placebo(_beside(placebo, challenger, truth)[0], seed=seed))
    pair = pair[0].take(kept), pair[1].take(kept)
    inside = None if units is None else np.asarray(units)[kept]
    metric = metric_of(gate, pair)
    seen = see(metric, pair, alpha=gate.alpha, units=inside, seed=seed)
    parts = {name: np.asarray(column)[kept] for name, column in (slices or {}).items()}
    if gate.calibration_margin is not None:
        risen = see("calibration_error", pair, alpha=gate.alpha, units=inside, seed=seed)
        guards += judge_calibration(risen, gate.calibration_margin)
    guards += _of_parts(gate, metric, pair, parts, inside, seed)
    gain = judge_gain(gate, seen, notes)
    return judge(gain, guards, needed=rows_needed(gate, seen), seed=seed)


def _beside(champion: Answered, challenger: Answered, truth: Values) -> tuple[Pair, list[str]]:
    both = [(each.signature, each.outputs) for each in (champion, challenger)]
    answers, notes = answers_beside(both, truth)
    return (answers[0], answers[1]), notes


def _different(answers: Answers) -> int:
    """How many different answers there are, by probabilities where there are some."""
    if isinstance(answers, Labels) and answers.chances is not None:
        chances = answers.chances
        columns = [answers.predicted, chances.answered, chances.squares]
        return len(np.unique(np.column_stack(columns), axis=0))
    return len(np.unique(answers.predicted))


def _of_bundle(gate: Gate, champion: Answered, challenger: Answered) -> list[Finding]:
    found = [
        refuse_proof(challenger.proof),
        refuse_cost("latency", "µs a row", champion.us_per_row, challenger.us_per_row,
                    gate.latency_ratio),
        refuse_cost("size", "bytes", champion.size_bytes, challenger.size_bytes, gate.size_ratio),
    ]  # fmt: skip
    return [each for each in found if each is not None]


def _of_leaks(leaks: Leaks, rows: int) -> list[Finding]:
    if leaks.repeated.shape != (rows,):
        raise ConfigError(
            f"Leaks were sought in {len(leaks.repeated)} rows, and {rows} are answered.",
            hint="Seek them in the rows of the holdout.",
        )
    repeated = int(leaks.repeated.sum())
    found = refuse_repeated(repeated, rows, leaks.usual, leaks.usual_rows)
    return [found, *refuse_telling(leaks.telling)]


def _left_out(leaks: Leaks) -> bool:
    """Whether repeated rows are no part of the comparison; if all are, nothing else is left."""
    repeated, rows = int(leaks.repeated.sum()), len(leaks.repeated)
    return repeated < rows and is_leaked(repeated, rows, leaks.usual, leaks.usual_rows)


def _of_parts(
    gate: Gate, metric: str, pair: Pair, slices: Mapping[str, Values], units: Values | None,
    seed: int,
) -> list[Finding]:  # fmt: skip
    """Of each value of each field; the chance of error is divided by how many are tested."""
    rows = pair[0].rows
    parts = [
        (f"{field}={value}", places)
        for field, values in slices.items()
        for value, places in groups_of(field, values, rows)[:SLICES_MAX]
    ]
    tested = sum(len(places) >= SLICE_ROWS_MIN for _, places in parts)
    found = []
    for part, places in parts:
        inside = None if units is None else units[places]
        both = pair[0].take(places), pair[1].take(places)
        seen = see(metric, both, alpha=gate.alpha / max(tested, 1), units=inside, seed=seed)
        found.append(judge_slice(gate, seen, part))
    return found
