"""What `fairlead.toml` may say of schedules."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Meta

from fairlead.batch.target import target_of
from fairlead.batch.types import Job, OnError
from fairlead.durations import PATTERN, read_duration
from fairlead.errors import ConfigError
from fairlead.names import check_name
from fairlead.schedules.fill import output_of
from fairlead.schedules.slots import following
from fairlead.schedules.types import Schedule, Timing

CHECKED = 100
"""Of the next slots, that must not share an output."""
FROM_US = 1_700_000_000_000_000
"""From when on they are looked at: settings make sense or not whenever they are read."""
Duration = Annotated[str, Meta(pattern=PATTERN)]
Whole = Annotated[int, Meta(ge=0)]


class BatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[endpoint.NAME.batch.SCHEDULE]`.

    Args:
        every: from run to run, as `1d`, counted from midnight UTC; this or `cron`.
        cron: when it runs, as `0 3 * * *`.
        timezone: that `cron` and `{date}` are of.
        input: what `fairlead batch` takes: a file, a folder, a glob, a URL, a database, or
            several; `{date}` stands for the day of the run, `{run}` for its time.
        query: SQL whose rows are scored; likewise.
        output: a folder, or a `.csv` or `.jsonl` file; likewise, so that each run has its own.
        key: column by which the answers are looked up, as of `fairlead precompute`; they are
            published for that, and have no output.
        version: that answers; the one that the endpoint serves if empty.
        keep: columns that are written beside the answers; `*` for all.
        caller_id: column with the rows' own ids.
        unit: column with who a row is about.
        on_error: whether a row that does not fit is set aside, or ends the job.
        memory_mb: that it may take as a whole; half of the machine's if 0.
        workers: threads or processes that score; one for each core if 0.
        allow_pickle: whether a pickled payload may be loaded.
        timeout: that one attempt may take.
        retries: further attempts after the first one that fails.
        retry_after: before the first of these; it doubles from one to the next, up to an hour.
        announce: channels of alerts that are told how each run ended.
    """

    every: Duration | None = None
    cron: str | None = None
    timezone: str = "UTC"
    input: str | list[str] = ""
    query: str = ""
    output: str = ""
    key: str = ""
    version: str = ""
    keep: list[str] = []
    caller_id: str = ""
    unit: str = ""
    on_error: OnError = "reject"
    memory_mb: Whole = 0
    workers: Whole = 0
    allow_pickle: bool = False
    timeout: Duration = "12h"
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    retry_after: Duration = "1m"
    announce: list[str] = []

    @property
    def inputs(self) -> tuple[str, ...]:
        """What is to be scored, one or several."""
        return (self.input,) if isinstance(self.input, str) else tuple(self.input)


def rooted(settings: BatchSettings, folder: Path) -> BatchSettings:
    """Settings whose files are named from the root, not from the folder of the file they are in."""
    inputs = [_rooted(text, folder) for text in settings.inputs]
    return msgspec.structs.replace(
        settings, input=inputs if len(inputs) != 1 else inputs[0],
        output=_rooted(settings.output, folder),
    )  # fmt: skip


def _rooted(text: str, folder: Path) -> str:
    plain = text and "://" not in text
    return str(folder / Path(text).expanduser()) if plain else text


def schedule_of(endpoint: str, name: str, settings: BatchSettings) -> Schedule:
    """What settings say of a schedule, checked.

    Raises:
        ConfigError: they make no sense.
    """
    check_name(name, "schedule")
    at = f"endpoint.{endpoint}.batch.{name}"
    if not settings.inputs or not all(settings.inputs) or not (settings.output or settings.key):
        raise ConfigError(
            f"The setting '{at}' needs an input, and an output or a key.",
            hint='Write input = "in/*.parquet" and output = "out/{date}"; or key = "customer_id".',
        )
    timing = timing_of(at, settings.every, settings.cron, settings.timezone)
    if settings.key:
        _check_published(at, settings)
    else:
        _check_output(at, settings.output, timing)
    job = Job(
        version=settings.version, inputs=settings.inputs, output=settings.output,
        query=settings.query, endpoint=endpoint, keep=tuple(settings.keep), key=settings.key,
        caller_id=settings.caller_id, unit=settings.unit, on_error=settings.on_error,
        memory_mb=settings.memory_mb, workers=settings.workers,
        allow_pickle=settings.allow_pickle,
    )  # fmt: skip
    return Schedule(
        endpoint=endpoint, name=name, timing=timing, job=job, retries=settings.retries,
        retry_us=microseconds(settings.retry_after), timeout_us=microseconds(settings.timeout),
        announce=tuple(settings.announce),
    )  # fmt: skip


def microseconds(duration: str) -> int:
    """A duration as settings write it; 0 for none."""
    return round((read_duration(duration) or 0.0) * 1e6)


def timing_of(at: str, every: str | None, cron: str | None, timezone: str) -> Timing:
    """When something is due, as settings say it.

    Args:
        at: the table that says it, for errors.
        every: from slot to slot, as `1d`; this or `cron`.
        cron: an expression of five fields.
        timezone: that the expression is read in.

    Raises:
        ConfigError: it makes no sense.
    """
    if (every is None) == (cron is None):
        raise ConfigError(
            f"The setting '{at}' needs one of 'every' and 'cron'.",
            hint='Write every = "1d", or cron = "0 3 * * *" for three in the morning.',
        )
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"The setting '{at}.timezone' names no time zone that is known here.",
            hint="Write one as 'Europe/Berlin'. Where none is known: pip install tzdata.",
        ) from None
    if cron is None:
        every_us = microseconds(every or "")
        if not every_us:
            raise ConfigError(f"The setting '{at}.every' must be longer than nothing.")
        return Timing(every_us=every_us, timezone=zone.key)
    timing = Timing(cron=cron, timezone=zone.key)
    _check_cron(at, timing)
    return timing


def _check_cron(at: str, timing: Timing) -> None:
    from datetime import UTC, datetime

    try:
        CronSim(timing.cron, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ConfigError(
            f"The setting '{at}.cron' is no cron expression: {error}.",
            hint="Five fields: minute, hour, day of the month, month, day of the week.",
        ) from None


def _check_published(at: str, settings: BatchSettings) -> None:
    """Refuse what answers that are published for look-up cannot have.

    Raises:
        ConfigError: it was asked for.
    """
    for name, given in (("output", settings.output), ("keep", settings.keep)):
        if given:
            raise ConfigError(
                f"The setting '{at}.{name}' does not go with '{at}.key'.",
                hint="Answers with a key go into the table for look-up: leave one of them out.",
            )


def _check_output(at: str, output: str, timing: Timing) -> None:
    """Refuse an output that two runs would share.

    Raises:
        ConfigError: they would, or it cannot be written.
    """
    outputs = [output_of(output, timing, slot) for slot in following(timing, FROM_US, CHECKED)]
    target_of(output)
    if any(one == other for one, other in pairwise(outputs)):
        raise ConfigError(
            f"The setting '{at}.output' is the same for several runs.",
            hint="Put {run} into it, the time of the run; or {date}, if it runs once a day.",
        )
