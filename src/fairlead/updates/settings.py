"""What `fairlead.toml` may say of updates: the table `[endpoint.NAME.update]`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from fairlead.durations import PATTERN
from fairlead.errors import ConfigError
from fairlead.schedules.settings import microseconds, timing_of
from fairlead.updates.types import Condition, DataSpec, Engine, Gate, Limits, Mode, UpdateSpec

Duration = Annotated[str, Meta(pattern=PATTERN)]
Share = Annotated[str, Meta(pattern=r"^latest [0-9]{1,2}(\.[0-9]{1,2})?%$")]
Size = Annotated[str, Meta(pattern=r"^[0-9]{1,6}(MB|GB|MiB|GiB)$")]
Rows = Annotated[int, Meta(ge=2)]
Ratio = Annotated[float, Meta(ge=0)]

_FUNCTION = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*", re.ASCII)
_LABELS = re.compile(r"labels >= ([1-9][0-9]{0,8})")
_ALERT = re.compile(r"alert ([A-Za-z0-9_.-]{1,64})")
_BYTES = {"MB": 10**6, "GB": 10**9, "MiB": 1 << 20, "GiB": 1 << 30}


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of every table."""


class DataSettings(_Part, frozen=True, kw_only=True):
    """What an update learns from.

    Args:
        log: the endpoint whose log it is; this one if empty.
        labels: whether rows without a label are left out (`required`) or given without one.
        window: how far back rows are taken, as `90d`; all there are if not given.
        plus: a file of rows that always belong to them.
        label: what the column of labels is called, in that file and for the function.
        time: what the column of times is called, likewise.
        rows: with a label, below which nothing is trained.
    """

    log: str = ""
    labels: Literal["required", "optional"] = "required"
    window: Duration | None = None
    plus: str = ""
    label: str = "label"
    time: str = "time"
    rows: Rows = 100


class ModeSettings(_Part, frozen=True, kw_only=True):
    """How it is trained.

    Args:
        usual: `fine-tune` goes on from the version before, `scratch` begins anew.
        scratch_every: of so many updates one begins anew all the same.
    """

    usual: Mode = "fine-tune"
    scratch_every: Annotated[int, Meta(ge=0)] = 0


class GateSettings(_Part, frozen=True, kw_only=True):
    """What a challenger must prove.

    Args:
        metric: that decides; roc_auc of two classes, accuracy of more, mae of numbers if empty.
        holdout: the rows that it is judged on and never trained on, as `latest 20%`.
        margin: by how much more than this it must be better, in the metric's unit; below 0 it
            must only be no worse by more than that.
        slices: fields of whose values none may fare worse.
        slice_margin: by how much one may, in the metric's unit.
        rows: of the holdout, below which nothing is decided.
        calibration_margin: by how much the calibration error may rise.
        latency: how many times as long as the champion it may take; 0 for any time.
        size: how many times as large it may be; 0 for any size.
        alpha: chance to promote one that is no better, at most.
    """

    metric: str = ""
    holdout: Share = "latest 20%"
    margin: float = 0.0
    slices: list[str] = []
    slice_margin: Ratio = 0.02
    rows: Rows = 50
    calibration_margin: Ratio | None = 0.05
    latency: Ratio = 2.0
    size: Ratio = 4.0
    alpha: Annotated[float, Meta(gt=0, lt=0.5)] = 0.05


class LimitSettings(_Part, frozen=True, kw_only=True):
    """What one attempt may take.

    Args:
        time: as `2h`.
        memory: of its process and what that starts, as `8GiB`; all there is if not given.
        retries: further attempts after the first one that fails.
        retry_after: before the first of these; it doubles from one to the next, up to an hour.
    """

    time: Duration = "2h"
    memory: Size | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    retry_after: Duration = "1m"


class UpdateSettings(_Part, frozen=True, kw_only=True):
    """A table `[endpoint.NAME.update]`.

    Args:
        train: module and function that fits, in a file beside `fairlead.toml`: `my_model:train`.
        data: what it learns from.
        every: from update to update, as `1d`, counted from midnight UTC.
        cron: when it is due, as `0 3 * * 0`; this or `every`, or neither.
        timezone: that `cron` is of.
        when: what else makes it due: `drift`, `accuracy`, `alert NAME`, `labels >= 5000`.
        mode: `scratch`, `fine-tune`, or a table.
        params: given to the function as they are.
        evaluate: what it must prove.
        release: strategy by which it goes out; empty only registers it.
        approve: `auto`, or whose word it waits for: `operate` or `admin`.
        limits: of one attempt.
        debounce: for how long further alerts are waited for after the first.
        cooldown: after one has ended, before the next that nobody asked for; it doubles with each
            in a row that changed nothing, up to a week.
        engine: where the function runs: `local`, or `ray` for a cluster.
        announce: channels of alerts that are told how each ended.
    """

    train: str = ""
    data: DataSettings = DataSettings()
    every: Duration | None = None
    cron: str | None = None
    timezone: str = "UTC"
    when: list[str] = []
    mode: Mode | ModeSettings = "scratch"
    params: dict[str, str | int | float | bool] = {}
    evaluate: GateSettings = GateSettings()
    release: Literal["canary", "blue-green", "shadow", "ab", "now", ""] = "canary"
    approve: Literal["auto", "operate", "admin"] = "auto"
    limits: LimitSettings = LimitSettings()
    debounce: Duration = "1m"
    cooldown: Duration = "1h"
    engine: Engine = "local"
    announce: list[str] = []


def rooted(settings: UpdateSettings, folder: Path) -> UpdateSettings:
    """Settings whose file is named from the root, not from the folder of the file they are in."""
    plus = settings.data.plus
    if not plus:
        return settings
    data = replace(settings.data, plus=str(folder / Path(plus).expanduser()))
    return replace(settings, data=data)


def spec_of(endpoint: str, settings: UpdateSettings, folder: Path) -> UpdateSpec:
    """What settings say of an endpoint's updates, checked.

    Args:
        endpoint: whose.
        settings: its table.
        folder: of the file that they are in.

    Raises:
        ConfigError: they make no sense.

    Example:
        >>> told = UpdateSettings(train="m:train", when=["drift", "labels >= 500"])
        >>> spec = spec_of("churn", told, Path("/home"))
        >>> [(one.kind, one.count) for one in spec.when], spec.data.log, spec.gate.holdout
        ([('drift', 0), ('labels', 500)], 'churn', 0.2)
    """
    at = f"endpoint.{endpoint}.update"
    if not _FUNCTION.fullmatch(settings.train):
        raise ConfigError(
            f"The setting '{at}.train' names no function.",
            hint="As 'my_model:train', for 'train' in a file 'my_model.py' beside fairlead.toml.",
        )
    is_timed = settings.every is not None or settings.cron is not None
    timing = timing_of(at, settings.every, settings.cron, settings.timezone) if is_timed else None
    mode = settings.mode
    usual, scratch_every = (mode, 0) if isinstance(mode, str) else (mode.usual, mode.scratch_every)
    return UpdateSpec(
        endpoint=endpoint, train=settings.train, folder=str(folder),
        data=_data(at, endpoint, settings.data), timing=timing,
        when=tuple(_condition(at, text) for text in settings.when),
        usual=usual, scratch_every=scratch_every, params=settings.params,
        gate=_gate(at, settings.evaluate), release=settings.release, approve=settings.approve,
        limits=_limits(at, settings.limits), debounce_us=microseconds(settings.debounce),
        cooldown_us=microseconds(settings.cooldown), engine=settings.engine,
        announce=tuple(settings.announce),
    )  # fmt: skip


def _data(at: str, endpoint: str, data: DataSettings) -> DataSpec:
    if data.label == data.time or not data.label or not data.time:
        raise ConfigError(f"The settings '{at}.data.label' and '.time' need two names.")
    return DataSpec(
        log=data.log or endpoint, labels=data.labels, window_us=microseconds(data.window or "0s"),
        plus=data.plus, label=data.label, time=data.time, rows_min=data.rows,
    )  # fmt: skip


def _gate(at: str, gate: GateSettings) -> Gate:
    holdout = float(gate.holdout.removeprefix("latest ").removesuffix("%")) / 100
    if not 0 < holdout < 1:
        raise ConfigError(
            f"The setting '{at}.evaluate.holdout' must leave rows on both sides.",
            hint="As 'latest 20%'.",
        )
    return Gate(
        metric=gate.metric, holdout=holdout, margin=gate.margin, slices=tuple(gate.slices),
        slice_margin=gate.slice_margin, rows_min=gate.rows,
        calibration_margin=gate.calibration_margin, latency_ratio=gate.latency,
        size_ratio=gate.size, alpha=gate.alpha,
    )  # fmt: skip


def _limits(at: str, limits: LimitSettings) -> Limits:
    time_us = microseconds(limits.time)
    if not time_us:
        raise ConfigError(f"The setting '{at}.limits.time' must be longer than nothing.")
    return Limits(
        time_us=time_us, memory_bytes=read_size(limits.memory or "0MB"),
        retries=limits.retries, retry_us=microseconds(limits.retry_after),
    )  # fmt: skip


def _condition(at: str, text: str) -> Condition:
    if text in ("drift", "accuracy"):
        return Condition(kind="drift" if text == "drift" else "accuracy")
    if found := _LABELS.fullmatch(text):
        return Condition(kind="labels", count=int(found[1]))
    if found := _ALERT.fullmatch(text):
        return Condition(kind="alert", name=found[1])
    raise ConfigError(
        f"The setting '{at}.when' says what nothing is known of.",
        hint="Write 'drift', 'accuracy', 'alert NAME' or 'labels >= 5000'.",
    )


def read_size(text: str) -> int:
    """A size in bytes, as settings write it.

    Example:
        >>> read_size("8GiB"), read_size("500MB")
        (8589934592, 500000000)
    """
    unit = next(unit for unit in ("MiB", "GiB", "MB", "GB") if text.endswith(unit))
    return int(text.removesuffix(unit)) * _BYTES[unit]
