"""What an endpoint's past says of how its model is to be trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from fairlead.app.advising_past import LABELLED, Past, past_of_file, past_of_log
from fairlead.app.advising_trained import Trained
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.monitoring.labels import places_of
from fairlead.updates.advice.advise import advise, too_little
from fairlead.updates.advice.backtest import backtest
from fairlead.updates.advice.cut import TooLittleError, cut, settle
from fairlead.updates.advice.plan import plan, policies
from fairlead.updates.advice.score import metrics_for
from fairlead.updates.advice.types import Advice, History, Prices
from fairlead.updates.types import DataSpec, UpdateSpec

TRAININGS_MAX = 150


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
        ModelError: the function cannot be loaded, failed, or took more memory than it may.
        DeadlineError: one training took longer than the settings let it.
    """
    spec = _spec(workspace, wanted)
    past = past_of_file(wanted.rows, spec.data) if wanted.rows else past_of_log(workspace, spec)
    metrics = metrics_for(len(past.classes), wanted.metric or spec.gate.metric)
    notes = _notes(past, spec)
    if not past.frame.height:
        return too_little(wanted.endpoint, "There are no labelled rows.", metrics[0])
    history = _history(past, spec.data, wanted.delay_us)
    last_us = int(history.labelled_us.max())
    kept = settle(history, last_us if wanted.rows else max(last_us, workspace.clock.now_us()))
    if len(kept) < history.rows:
        left = history.rows - len(kept)
        notes.append(f"{left} of the youngest rows are left out: not all of such have labels yet.")
    past = replace(past, frame=past.frame[kept])
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
    with Trained(workspace.home.cache, spec, past) as trained:
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


def _notes(past: Past, spec: UpdateSpec) -> list[str]:
    if not past.plus.height:
        return []
    always = past.plus[spec.data.time].null_count()
    said = f"Each training also learns from the {past.plus.height:,} rows of 'data.plus'"
    if not always:
        return [f"{said} that are older than the newest of its own."]
    return [
        f"{said}, of which {always:,} have no time: what they know of later blocks is not told."
    ]
