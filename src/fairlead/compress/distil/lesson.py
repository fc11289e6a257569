"""What there is to learn of a graph, which is the same for all of its students."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from fairlead.compress.distil.cut import bottlenecks
from fairlead.compress.distil.goal import Goal, make_goal
from fairlead.compress.distil.plain import plain
from fairlead.compress.distil.types import COLUMNS_MAX, MADE
from fairlead.compress.graph import FLOATS, Array, Draft
from fairlead.compress.made import rows_of, with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.types import Feeds
from fairlead.errors import ExportError

WIDTH_MAX = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What students take, and what they are to answer.

    Args:
        model: the graph in the form in which a student has a place.
        start: the tensor that a student takes.
        x: what it holds, (rows, columns).
        end: the tensor that a student gives.
        shape: of what that holds for a row.
        dtype: of that.
        goal: what is to be learnt of it.
    """

    model: onnx.ModelProto
    start: str
    x: Array
    end: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    goal: Goal


def make_lesson(model: onnx.ModelProto, feeds: Feeds, *, seed: int) -> Lesson:
    """Ask a graph the rows, and others made of them.

    Raises:
        ExportError: a student has no place in it.
        ModelError: it does not take the rows.
    """
    draft = plain(model, feeds)
    rows = with_made_rows(feeds, MADE, seed=seed)
    start, x, end, answers = _place(draft, rows)
    later = observe(draft.model, sorted(draft.outputs), rows).values()
    matrix = answers.reshape(len(answers), -1)
    goal = make_goal(matrix, [each for each in later if each.dtype in FLOATS])
    flat = x.reshape(len(x), -1)
    return Lesson(draft.model, start, flat, end, answers.shape[1:], answers.dtype, goal)


def _place(draft: Draft, rows: Feeds) -> tuple[str, Array, str, Array]:
    """The tensors that the student takes and gives, and what they hold.

    Raises:
        ExportError: there is no place for it.
    """
    ways = bottlenecks(draft)
    seen = observe(draft.model, ways, rows) if ways else {}
    numbers = {
        name: values
        for name, values in seen.items()
        if values.dtype in FLOATS and values.ndim > 0 and len(values) == rows_of(rows)
    }
    taken = [name for name, values in numbers.items() if values.ndim > 1]
    if not taken:
        raise ExportError(
            "No one matrix of numbers leads to all answers, which a student would take."
        )
    start, x = taken[0], numbers[taken[0]]
    if x[0].size > COLUMNS_MAX:
        raise ExportError(
            f"A student would take the {x[0].size} numbers of '{start}', which are more than "
            f"{COLUMNS_MAX}."
        )
    given = [n for n, v in numbers.items() if v.ndim <= 2 and v[0].size <= WIDTH_MAX and n != start]
    if not given or not np.isfinite(numbers[given[-1]]).all():
        raise ExportError(
            "No one tensor of finite numbers decides all answers, which a student would give."
        )
    return start, x, given[-1], numbers[given[-1]]
