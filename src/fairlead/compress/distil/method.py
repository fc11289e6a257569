"""The method `distil`: a student in the place of what predicts in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.distil.lesson import Lesson, make_lesson
from fairlead.compress.distil.student import teach
from fairlead.compress.distil.types import NAME, read_recipe
from fairlead.compress.graph import Draft
from fairlead.compress.settings import Setting
from fairlead.compress.trees.write import ML, free_stem, raise_versions
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ExportError, ModelError


class Distil:
    """A student that learns the graph's own answers, to the rows and to rows made of them.

    It takes the first matrix of numbers that all answers depend on, so that what turns text and
    categories into numbers stays, and gives the last numbers that they all come from, so that
    labels and their names stay too. Settings of a network: `hidden`, its units; `pieces`, ranges
    that each column is cut into. Settings of trees: `trees`, for each number that they answer;
    `leaves` of each.
    """

    name = NAME

    def __init__(self) -> None:
        self._given: tuple[onnx.ModelProto, Feeds, int] | None = None
        self._lesson: Lesson | Refused | None = None

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
        lesson = self._lesson_of(model, feeds, seed)
        if isinstance(lesson, Refused):
            return lesson
        draft, end = Draft(lesson.model), lesson.end
        student = teach(lesson.x, lesson.goal, recipe, seed=seed)
        nodes, constants, tensor = student.nodes(lesson.start, free_stem(draft, "student"))
        draft.freeze((), constants)
        if not lesson.shape:
            flat = draft.hold("student_flat", np.array([-1]))
            nodes.append(helper.make_node("Reshape", [tensor, flat], [f"{tensor}_flat"]))
            tensor = f"{tensor}_flat"
        kind = helper.np_dtype_to_tensor_dtype(lesson.dtype)
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

    def _lesson_of(self, model: onnx.ModelProto, feeds: Feeds, seed: int) -> Lesson | Refused:
        """That of a graph; the last one is remembered, as one graph gets several students."""
        if self._lesson is None or not self._is_given(model, feeds, seed):
            self._lesson = None  # before the next one is made: both take memory
            self._lesson = self._made(model, feeds, seed)
            self._given = model, feeds, seed
        return self._lesson

    def _is_given(self, model: onnx.ModelProto, feeds: Feeds, seed: int) -> bool:
        if self._given is None:
            return False
        return self._given[0] is model and self._given[1] is feeds and self._given[2] == seed

    def _made(self, model: onnx.ModelProto, feeds: Feeds, seed: int) -> Lesson | Refused:
        try:
            return make_lesson(model, feeds, seed=seed)
        except (ExportError, ModelError) as error:
            return Refused(self.name, str(error))
