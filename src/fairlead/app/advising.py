"""What an endpoint's past says of how its model is to be trained."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import polars as pl

from fairlead.app.advising_child import ANSWER, ASK, DROP, LEARN, MODEL, PREVIOUS, Task
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of
from fairlead.monitoring.labels import places_of
from fairlead.monitoring.measure import classes_of
from fairlead.runners.process import ModelProcess
from fairlead.signature import Signature
from fairlead.updates.advice.advise import advise, too_little
from fairlead.updates.advice.backtest import backtest
from fairlead.updates.advice.cut import TooLittleError, cut, settle
from fairlead.updates.advice.plan import plan, policies
from fairlead.updates.advice.score import metrics_for
from fairlead.updates.advice.types import Advice, History, Numbers, Places, Prices
from fairlead.updates.gather import gather_past
from fairlead.updates.types import DataSpec, UpdateSpec

CHILD = "fairlead.app.advising_child"
LABELLED = "labelled"
CLASSES_MAX = 20
TRAININGS_MAX = 150
DATE = pl.Datetime("us", "UTC")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What advice is asked for.

    Args:
        endpoint: whose.
        train: module and name of the function; that of the settings if empty.
        rows: a table of labelled rows in place of the log.
        block_us: length of a block; 0 for a handy one.
        delay_us: for how long labels are taken to come after their rows, in place of what is known.
        metric: that decides; that of the settings, or the usual one, if empty.
        trainings_max: that are made.
        time_s: after which no further training begins.
        prices: of a training, and worth of a point.
    """

    endpoint: str
    train: str = ""
    rows: Path | None = None
    block_us: int = 0
    delay_us: int | None = None
    metric: str = ""
    trainings_max: int = TRAININGS_MAX
    time_s: float | None = None
    prices: Prices = Prices()


@dataclass(frozen=True, slots=True)
class Past:
    """Labelled rows of the past.

    Args:
        frame: inputs, label, time, and when the label came; by time.
        inputs: the columns that a model is asked by.
        classes: of the labels, in order; empty for numbers.
    """

    frame: pl.DataFrame
    inputs: tuple[str, ...]
    classes: tuple[Any, ...]


def advise_endpoint(
    workspace: Workspace, wanted: Wanted, show: Callable[[int, int], None] = lambda *_: None
) -> Advice:
    """Play an endpoint's past under several policies, and say what comes of it.

    The user's function runs in a process of its own, which ends with this.

    Args:
        workspace: of the log and the settings.
        wanted: what is asked for.
        show: told how many trainings of how many are done.

    Raises:
        ConfigError: there is no function, or what is asked for makes no sense.
        ModelError: the function cannot be loaded, or failed.
        DeadlineError: one training took longer than the settings let it.
    """
    spec = _spec(workspace, wanted)
    past = _from_file(wanted.rows, spec.data) if wanted.rows else _from_log(workspace, spec)
    metrics = metrics_for(len(past.classes), wanted.metric or spec.gate.metric)
    notes = _notes(spec)
    if not past.frame.height:
        return too_little(wanted.endpoint, "There are no labelled rows.", metrics[0])
    history = _history(past, spec.data, wanted.delay_us)
    last_us = int(history.labelled_us.max())
    kept = settle(history, last_us if wanted.rows else max(last_us, workspace.clock.now_us()))
    if len(kept) < history.rows:
        left = history.rows - len(kept)
        notes.append(f"{left} of the youngest rows are left out: not all of such have labels yet.")
    past = Past(past.frame[kept], past.inputs, past.classes)
    history = history.take(kept)
    try:
        blocks = cut(history, block_us=wanted.block_us, rows_min=spec.data.rows_min)
    except TooLittleError as error:
        return too_little(wanted.endpoint, error.message, metrics[0], history, notes)
    wished = policies(blocks)
    planned = plan(
        history, blocks, wished,
        trainings_max=wanted.trainings_max, rows_min=spec.data.rows_min,
    )  # fmt: skip
    with _Trained(workspace, spec, past) as trained:
        played = backtest(
            history, blocks, planned, trained.train, trained.answer, metrics,
            goes_on=_goes_on(workspace, wanted, len(planned.trainings), show), drop=trained.drop,
        )  # fmt: skip
    return advise(wanted.endpoint, blocks, wished, played, wanted.prices, tuple(notes))


def _goes_on(
    workspace: Workspace, wanted: Wanted, trainings: int, show: Callable[[int, int], None]
) -> Callable[[int], bool]:
    begun_s = workspace.clock.monotonic_s()

    def goes_on(done: int) -> bool:
        show(done, trainings)
        taken_s = workspace.clock.monotonic_s() - begun_s
        return wanted.time_s is None or taken_s < wanted.time_s

    return goes_on


class _Trained:
    """The process of the user's function, asked by places of rows; it keeps the models."""

    def __init__(self, workspace: Workspace, spec: UpdateSpec, past: Past) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=workspace.home.cache, prefix="advice-")
        try:
            rows = Path(self._folder.name) / "rows.parquet"
            past.frame.write_parquet(rows)
            task = Task(
                train=spec.train, params=spec.params, rows=str(rows),
                inputs=past.inputs, given=(*past.inputs, spec.data.label, spec.data.time),
                classes=past.classes,
            )  # fmt: skip
            self._process = ModelProcess(
                CHILD, Path(spec.folder), msgspec.json.encode(task).decode(),
                timeout_s=spec.limits.time_us / 1e6, what=f"'{spec.train}'",
            )  # fmt: skip
        except BaseException:
            self._folder.cleanup()
            raise
        self._shape = (-1, len(past.classes)) if past.classes else (-1,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()
        self._folder.cleanup()

    def train(self, rows: Places, previous: int | None) -> int:
        """Let the function learn; gives the number of the model."""
        before = np.array([previous or 0])
        return int(self._process.ask({LEARN: rows, PREVIOUS: before})[MODEL][0])

    def answer(self, model: int, rows: Places) -> Numbers:
        """What a model says of rows."""
        if not len(rows):
            return np.zeros(self._shape if len(self._shape) == 1 else (0, self._shape[1]))
        told = self._process.ask({MODEL: np.array([model]), ASK: rows})[ANSWER]
        return np.asarray(told, dtype=np.float64).reshape(self._shape)

    def drop(self, model: int) -> None:
        """A model is of no more use."""
        self._process.ask({DROP: np.array([model])})


def _spec(workspace: Workspace, wanted: Wanted) -> UpdateSpec:
    """How the endpoint is updated; of the settings, or as it is asked for."""
    found = [spec for spec in workspace.update_specs if spec.endpoint == wanted.endpoint]
    if found:
        return msgspec.structs.replace(found[0], train=wanted.train or found[0].train)
    if not wanted.train:
        raise ConfigError(
            f"There is no table [endpoint.{wanted.endpoint}.update] that names what trains.",
            hint="Write it, or say '--train my_model:train'.",
        )
    folder = workspace.home.path.parent
    if workspace.home.settings_file is not None:
        folder = workspace.home.settings_file.parent
    data = DataSpec(log=wanted.endpoint)
    return UpdateSpec(endpoint=wanted.endpoint, train=wanted.train, folder=str(folder), data=data)


def _from_log(workspace: Workspace, spec: UpdateSpec) -> Past:
    signature = workspace.route(spec.endpoint).signature
    frame = gather_past(
        workspace.store, workspace.blobs, workspace.home.journals, spec.data, signature,
        as_of_us=workspace.clock.now_us(), received=LABELLED,
    )  # fmt: skip
    inputs = tuple(field.name for field in signature.inputs)
    return Past(frame, inputs, _classes(frame[spec.data.label], signature))


def _from_file(path: Path, data: DataSpec) -> Past:
    """Rows of a file: columns of the label, the time, when the label came, and the inputs."""
    from fairlead.tables import read_table

    frame = read_table(path)
    for name in (data.label, data.time):
        if name not in frame.columns:
            raise ConfigError(
                f"{path.name} has no column '{name}'.",
                hint=f"It has {', '.join(frame.columns)}; 'data.label' and 'data.time' of the "
                "endpoint's update say what these are called.",
            )
    if LABELLED not in frame.columns:
        frame = frame.with_columns(pl.col(data.time).alias(LABELLED))
    for name in (data.time, LABELLED):
        dtype = frame.schema[name]
        if not isinstance(dtype, pl.Date | pl.Datetime):
            raise ConfigError(f"The column '{name}' of {path.name} holds {dtype}, and no times.")
        times = pl.col(name).cast(pl.Datetime("us"))
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            times = pl.col(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        else:
            times = times.dt.replace_time_zone("UTC")
        frame = frame.with_columns(times)
    needed = [data.label, data.time, LABELLED]
    frame = frame.drop_nulls(needed).sort(data.time, maintain_order=True)
    inputs = tuple(name for name in frame.columns if name not in needed)
    return Past(frame, inputs, _classes(frame[data.label], None))


def _classes(labels: pl.Series, signature: Signature | None) -> tuple[Any, ...]:
    """The classes of labels: those of the model, or those that there are; none of numbers."""
    if signature is not None:
        if signature.task == "regression":
            return ()
        field = answer_of(signature)
        known = classes_of(signature, field) if field is not None else None
        return tuple(known) if known else tuple(labels.unique().sort().to_list())
    if labels.dtype.is_float() or (labels.dtype.is_integer() and labels.n_unique() > CLASSES_MAX):
        return ()
    return tuple(labels.unique().sort().to_list())


def _history(past: Past, data: DataSpec, delay_us: int | None) -> History:
    asked = past.frame[data.time].dt.epoch("us").to_numpy().astype(np.int64)
    came = past.frame[LABELLED].dt.epoch("us").to_numpy().astype(np.int64)
    labelled = np.maximum(came, asked) if delay_us is None else asked + delay_us
    labels = past.frame[data.label]
    if past.classes:
        truth = places_of(labels.to_list(), past.classes)
    else:
        truth = labels.cast(pl.Float64).to_numpy()
    return History(asked, labelled, truth, len(past.classes))


def _notes(spec: UpdateSpec) -> list[str]:
    if not spec.data.plus:
        return []
    return ["The rows of 'data.plus' are left out: when each was known is not told."]
