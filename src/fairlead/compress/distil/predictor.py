"""A student of any predictor: from rows and what is answered to them, to a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from fairlead.bundle import RunnerSpec, Step
from fairlead.bundle.types import TensorOutput
from fairlead.compress.distil.goal import Goal, make_goal
from fairlead.compress.distil.inputs import NUMBERS, matrix_graph
from fairlead.compress.distil.student import teach
from fairlead.compress.distil.types import ASKED, NAME, STRAY_MAX, read_recipe
from fairlead.compress.graph import Array
from fairlead.compress.made import with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.types import Refused
from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Graph
from fairlead.runners.feed import make_feed
from fairlead.signature import NUMERIC, Batch, Field, Signature

PAYLOAD = "model.onnx"
Answer = Callable[[Batch], Batch]
"""What a predictor does: rows of the signature's inputs to as many of its outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Distilled:
    """A student as a graph of its own.

    Args:
        model: the graph.
        runner: which fields feed it, and which it answers.
    """

    model: onnx.ModelProto
    runner: RunnerSpec


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a predictor answered, which is the same for all of its students.

    Args:
        signature: that it takes and answers; students keep both.
        given: rows, as they came.
        rows: these, and others made of them.
        classes: that it tells apart; none where it answers numbers.
        goal: what is to be learnt of what it answered to `rows`.
    """

    signature: Signature
    given: Batch
    rows: Batch
    classes: tuple[Any, ...]
    goal: Goal


def ask(signature: Signature, rows: Batch, answer: Answer, *, seed: int) -> Asked | Refused:
    """Ask a predictor what students shall learn, whatever runs it.

    Args:
        signature: that it takes and answers.
        rows: without labels, as they come.
        answer: the predictor; it is asked these rows and others made of them.
        seed: for whatever is drawn.

    Raises:
        ModelError: the predictor fails.
    """
    try:
        matrix_graph(signature.inputs, rows)  # refuses inputs that a student cannot take
        classes = _classes(signature)
        asked = _with_made(rows, seed)
        goal = make_goal(_wanted(signature, classes, answer(asked)), ())
    except ExportError as error:
        return Refused(NAME, str(error))
    return Asked(signature, rows, asked, classes, goal)


def distil_predictor(asked: Asked, step: Step, *, seed: int) -> Distilled:
    """Teach a student what a predictor answered.

    Args:
        asked: by `ask`.
        step: of the method `distil`.
        seed: for whatever is drawn.

    Raises:
        ConfigError: the step's settings are none of the method's.
    """
    recipe = read_recipe(step)
    signature, classes = asked.signature, asked.classes
    graph, inputs, x = matrix_graph(signature.inputs, asked.given)
    feeds = {given.name: make_feed(given)(asked.rows) for given in inputs}
    graph.output(x, "matrix", "float32", [None, None])
    matrix = observe(onnx.load_model_from_string(graph.model()), [x], feeds)[x]
    del graph.nodes[-1], graph.outputs[-1]
    student = teach(matrix, asked.goal, recipe, seed=seed)
    nodes, constants, tensor = student.nodes(x, "student")
    graph.nodes += nodes
    graph.constants += [numpy_helper.from_array(each, name) for name, each in constants.items()]
    outputs = _answered(graph, signature, classes, tensor)
    spec = RunnerSpec(kind="onnx", path=PAYLOAD, inputs=inputs, outputs=outputs)
    return Distilled(onnx.load_model_from_string(graph.model()), spec)


def _with_made(rows: Batch, seed: int) -> Batch:
    feeds = {NUMBERS: rows.numbers, **{f"field {n}": c for n, c in rows.columns.items()}}
    feeds = {name: np.asarray(values) for name, values in feeds.items()}
    made = dict(with_made_rows(feeds, ASKED, seed=seed))
    numbers = made.pop(NUMBERS)
    columns = {name.removeprefix("field "): values for name, values in made.items()}
    return Batch(len(numbers), rows.names, numbers, columns)


def _classes(signature: Signature) -> tuple[Any, ...]:
    """The classes in the order of the probabilities; none where numbers are answered.

    Raises:
        ExportError: the outputs are not those of a classifier or of a regressor.
    """
    fields = {field.name: field for field in signature.outputs}
    if "label" in fields and set(fields) <= {"label", "probabilities"}:
        named = fields.get("probabilities", fields["label"]).categories
        named = named or fields["label"].categories
        if not named or len({type(name) for name in named}) > 1:
            raise ExportError("The classes of field 'label' are not listed, or of several types.")
        return named
    if len(fields) == 1:
        (field,) = fields.values()
        if field.kind == "number" or (field.kind == "tensor" and -1 not in field.shape):
            return ()
    raise ExportError(
        f"A student answers classes or numbers, and not {', '.join(map(repr, fields))}."
    )


def _wanted(signature: Signature, classes: tuple[Any, ...], answers: Batch) -> Array:
    """What the student shall give, (rows, width)."""
    if not classes:
        values = np.asarray(answers.column(signature.outputs[0].name), np.float64)
        return _finite(values.reshape(answers.rows, -1))
    place = {name: at for at, name in enumerate(classes)}
    named = np.array([place.get(label, -1) for label in answers.column("label").tolist()])
    if "probabilities" not in {field.name for field in signature.outputs}:
        return np.asarray(np.eye(len(classes))[named])
    shares = _finite(np.asarray(answers.column("probabilities"), np.float64))
    if np.mean(shares.argmax(axis=1) != named) > STRAY_MAX:
        raise ExportError("The label is not the most probable class, which a student would name.")
    return shares


def _finite(values: Array) -> Array:
    if not np.isfinite(values).all():
        raise ExportError("Not all that is answered is finite, which a student cannot learn.")
    return values


def _answered(
    graph: Graph, signature: Signature, classes: tuple[Any, ...], tensor: str
) -> tuple[TensorOutput, ...]:
    made: list[TensorOutput] = []
    for field in signature.outputs:
        graph.output(*_output(graph, field, classes, tensor))
        made.append(TensorOutput(name=field.name, field=field.name))
    return tuple(made)


def _output(
    graph: Graph, field: Field, classes: tuple[Any, ...], tensor: str
) -> tuple[str, str, str, list[Any]]:
    """The tensor of a field, its name, its type and its shape."""
    if classes and field.name == "label":
        text = isinstance(classes[0], str)
        dtype = "object" if text else np.array(classes).dtype.name
        names = np.array(classes, dtype=object if text else None)
        return graph.add("Gather", names, graph.argmax(tensor), axis=0), "label", dtype, [None]
    shape = field.shape if field.kind not in NUMERIC else (1,)
    tensor = graph.cast(tensor, "float64")
    if len(shape) > 1:
        tensor = graph.add("Reshape", tensor, np.array([-1, *shape]))
    return tensor, field.name, "float64", [None, *shape]
