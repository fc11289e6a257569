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
from fairlead.compress.made import NUMBERS_MAX, rows_of, with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.types import Feeds
from fairlead.errors import ExportError

WIDTH_MAX = 1000
FEW = 13
NOTHING_TO_GIVE = "No one tensor of finite numbers decides all answers, which a student would give."


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
    start, end, width = _place(draft, _few(feeds))
    # What a text or a category becomes may be a thousand times as wide as it is.
    rows = with_made_rows(feeds, min(MADE, NUMBERS_MAX // width), seed=seed)
    outputs = sorted(draft.outputs)
    seen = observe(draft.model, list(dict.fromkeys([start, end, *outputs])), rows)
    x, answers = seen[start], seen[end]
    if not len(x) == len(answers) == rows_of(rows) or not np.isfinite(answers).all():
        raise ExportError(NOTHING_TO_GIVE)
    later = [seen[name] for name in outputs if seen[name].dtype in FLOATS]
    goal = make_goal(answers.reshape(len(answers), -1), later)
    flat = x.reshape(len(x), -1)
    return Lesson(draft.model, start, flat, end, answers.shape[1:], answers.dtype, goal)


def _few(feeds: Feeds) -> Feeds:
    """Rows that tell shapes; of a number that hardly anything else in a graph has."""
    places = np.arange(FEW) % rows_of(feeds)
    return {name: values[places] for name, values in feeds.items()}


def _place(draft: Draft, rows: Feeds) -> tuple[str, str, int]:
    """The tensors that a student takes and gives, and how many numbers it takes of a row.

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
    start, width = taken[0], numbers[taken[0]][0].size
    if width > COLUMNS_MAX:
        raise ExportError(
            f"A student would take the {width} numbers of '{start}', which are more than "
            f"{COLUMNS_MAX}."
        )
    given = [n for n, v in numbers.items() if v.ndim <= 2 and v[0].size <= WIDTH_MAX and n != start]
    if not given:
        raise ExportError(NOTHING_TO_GIVE)
    return start, given[-1], max(1, width)
