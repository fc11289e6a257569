"""The method `distil`: a student in the place of what predicts in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.distil.cut import bottlenecks
from fairlead.compress.distil.goal import make_goal
from fairlead.compress.distil.plain import plain
from fairlead.compress.distil.student import teach
from fairlead.compress.distil.types import COLUMNS_MAX, MADE, NAME, read_recipe
from fairlead.compress.graph import FLOATS, Array, Draft
from fairlead.compress.made import rows_of, with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.settings import Setting
from fairlead.compress.trees.write import ML, free_stem, raise_versions
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ExportError, ModelError

WIDTH_MAX = 1000


class Distil:
    """A student that learns the graph's own answers, to the rows and to rows made of them.

    It takes the first matrix of numbers that all answers depend on, so that what turns text and
    categories into numbers stays, and gives the last numbers that they all come from, so that
    labels and their names stay too. Settings of a network: `hidden`, its units; `pieces`, ranges
    that each column is cut into. Settings of trees: `trees`, for each number that they answer;
    `leaves` of each.
    """

    name = NAME

    def steps(self) -> Sequence[Step]:
        """Networks from many units to few, and trees from many to few."""
        networks = ((256, 1), (128, 4), (128, 1), (64, 1), (32, 4), (32, 1), (16, 1))
        groves = ((32, 16),)
        settings: list[dict[str, Setting]] = [
            {"hidden": hidden, "pieces": pieces} for hidden, pieces in networks
        ]
        settings += [{"trees": trees, "leaves": leaves} for trees, leaves in groves]
        return tuple(Step(method=self.name, settings=each) for each in settings)

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        """Teach a student and put it in its place."""
        recipe = read_recipe(step)
        try:
            draft = plain(model, feeds)
            rows = with_made_rows(feeds, MADE, seed=seed)
            start, x, end, answers = _place(draft, rows)
        except (ExportError, ModelError) as error:
            return Refused(self.name, str(error))
        matrix = answers.reshape(len(answers), -1)
        later = observe(draft.model, sorted(draft.outputs), rows).values()
        goal = make_goal(matrix, [each for each in later if each.dtype in FLOATS])
        student = teach(x.reshape(len(x), -1), goal, recipe, seed=seed)
        nodes, constants, tensor = student.nodes(start, free_stem(draft, "student"))
        draft.freeze((), constants)
        if answers.ndim == 1:
            flat = draft.hold("student_flat", np.array([-1]))
            nodes.append(helper.make_node("Reshape", [tensor, flat], [f"{tensor}_flat"]))
            tensor = f"{tensor}_flat"
        kind = helper.np_dtype_to_tensor_dtype(answers.dtype)
        nodes.append(helper.make_node("Cast", [tensor], [end], to=kind))
        draft.replace(draft.producer(end), nodes)
        draft.prune_dead()
        if any(node.domain == ML for node in nodes):
            try:
                raise_versions(draft, {node.output[0] for node in nodes})
            except ExportError as error:
                return Refused(self.name, str(error))
        small = draft.finish()
        if small.ByteSize() >= model.ByteSize():
            return Refused(self.name, "The student would not be smaller than the graph.")
        return small


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
