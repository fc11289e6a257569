"""The process in which a user's function trains for a back-test; it keeps the models.

Started as `python -m fairlead.app.advising_child SOCKET FOLDER TASK`, with the task as JSON.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from fairlead.app.own_code import load_function
from fairlead.app.updating.memory import limit_memory
from fairlead.monitoring.labels import places_of, plain_values
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column

TRIED = 5
LEARN, PREVIOUS, MODEL, ASK, DROP = "learn", "previous", "model", "ask", "drop"
ANSWER = "answer"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to learn from.

    Args:
        train: module and name of the function.
        params: given to it.
        rows: file of all rows, Parquet.
        inputs: columns that a model is asked by.
        given: columns that the function is given.
        classes: of the labels, in order; empty for numbers.
        memory_bytes: that the process may take beyond what it begins with; 0 for all there is.
    """

    train: str
    params: dict[str, str | int | float | bool]
    rows: str
    inputs: tuple[str, ...]
    given: tuple[str, ...]
    classes: tuple[bool | int | float | str, ...] = ()
    memory_bytes: int = 0


class _Trainer:
    """Trains, and asks what it trained: `learn` from rows gives a `model`, which is `ask`ed."""

    def __init__(self, folder: str, task: Task) -> None:
        self._task = task
        if task.memory_bytes:
            limit_memory(task.memory_bytes)
        self._function = load_function(folder, task.train)
        self._rows = pl.read_parquet(task.rows)
        self._models: dict[int, Any] = {}
        self._count = 0

    def predict(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Do as is asked."""
        if LEARN in columns:
            return self._learn(columns[LEARN], int(columns[PREVIOUS][0]))
        if ASK in columns:
            return self._ask(int(columns[MODEL][0]), columns[ASK])
        self._models.pop(int(columns[DROP][0]), None)
        return {}

    def _learn(self, places: Column, previous: int) -> dict[str, Column]:
        data = self._rows[places].select(self._task.given)
        made = self._function(data, self._models.get(previous), dict(self._task.params))
        model = made[0] if isinstance(made, tuple) and len(made) == 2 else made
        if not callable(getattr(model, "predict", None)):
            raise TypeError("the function gave back nothing that has 'predict'")
        self._count += 1
        self._models[self._count] = model
        return {MODEL: np.array([self._count])}

    def _ask(self, number: int, places: Column) -> dict[str, Column]:
        model, classes = self._models[number], self._task.classes
        rows = self._rows[places].select(_inputs(model, self._task.inputs))
        if not classes:
            said = _answered(model.predict, rows)
            return {ANSWER: np.asarray(said, dtype=np.float64).reshape(len(places))}
        if callable(getattr(model, "predict_proba", None)) and hasattr(model, "classes_"):
            chances = np.asarray(_answered(model.predict_proba, rows), dtype=np.float64)
            return {ANSWER: _placed(chances, places_of(_plain(model.classes_), classes), classes)}
        labels = places_of(_plain(_answered(model.predict, rows)), classes)
        return {ANSWER: (labels[:, None] == np.arange(len(classes))).astype(np.float64)}


def _placed(chances: Column, places: Column, classes: tuple[Any, ...]) -> Column:
    """Probabilities in the order of all classes; 0 of what a model has not seen."""
    told = np.zeros((len(chances), len(classes)))
    for own, place in enumerate(places.tolist()):
        if place >= 0:
            told[:, place] = chances[:, own]
    return told


def _inputs(model: Any, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a model was fitted on, if it says so."""
    named = [str(name) for name in getattr(model, "feature_names_in_", ())]
    return tuple(named) if named and set(named) <= set(inputs) else inputs


def _answered(ask: Callable[[Any], Any], rows: pl.DataFrame) -> Any:
    """A model's answers to rows, in the form of data that it takes."""
    *others, last = _forms()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for form in others:
            try:
                ask(form(rows.head(TRIED)))
            except Exception:  # noqa: S112  # of someone else's code: it takes another form, or none
                continue
            return ask(form(rows))
        return ask(last(rows))


def _forms() -> Iterator[Callable[[pl.DataFrame], Any]]:
    yield lambda rows: rows
    yield lambda rows: rows.to_pandas()
    yield lambda rows: rows.to_numpy()


def _plain(values: Any) -> list[Any]:
    return plain_values(np.asarray(values).reshape(-1))


def _load(folder: str, task: str) -> _Trainer:
    return _Trainer(folder, msgspec.json.decode(task, type=Task))


def main() -> None:
    """Entry of the process."""
    answer_questions(_load)


if __name__ == "__main__":
    main()
