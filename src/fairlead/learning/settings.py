"""What `fairlead.toml` may say of a model that learns as labels arrive."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from fairlead.durations import PATTERN, read_duration
from fairlead.errors import ConfigError
from fairlead.learning.types import Guard, OnlineSpec, OnWorse
from fairlead.releases.types import Strategy

Duration = Annotated[str, Meta(pattern=PATTERN)]
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]


class CheckpointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a learner's state becomes a version.

    Args:
        labels: after so many.
        every: after so long, if anything was learnt.
        least: from one to the next, however many labels come: it bounds how many versions there
            are.
        keep: so many of the newest keep their bundles; of older ones that nothing uses only what
            is known of them is kept, after a day.
    """

    labels: Annotated[int, Meta(ge=1)] = 500
    every: Duration = "10m"
    least: Duration = "1m"
    keep: Annotated[int, Meta(ge=1)] = 50


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a learner has got worse.

    Args:
        margin: by how much its error may be above that of the last good version on the same rows:
            a share of rows; of numbers, a share of both errors' sum.
        fall: by how much its error may rise above its own of before; 0 lets it.
        false_alarm_labels: labels between two false alarms, on average, at least.
    """

    margin: Share = 0.01
    fall: Share = 0.0
    false_alarm_labels: Annotated[int, Meta(ge=100)] = 100_000


class OnlineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[endpoint.NAME.online]`.

    Args:
        checkpoint: when the learner's state becomes a version.
        guard: when it has got worse.
        on_worse: whether it then stops (`freeze`), or the last good version answers again too
            (`roll back`).
        release: the strategy by which checkpoints go out.
        params: set on the estimator before it learns on, as `eta0 = 0.01`.
    """

    checkpoint: CheckpointSettings = CheckpointSettings()
    guard: GuardSettings = GuardSettings()
    on_worse: OnWorse = "freeze"
    release: Strategy = "now"
    params: dict[str, str | int | float | bool] = {}


def online_of(endpoint: str, settings: OnlineSettings) -> OnlineSpec:
    """What settings say of a learner, checked.

    Raises:
        ConfigError: they make no sense.
    """
    at, checkpoint, guard = f"endpoint.{endpoint}.online", settings.checkpoint, settings.guard
    if settings.release == "ab":
        raise ConfigError(
            f"The setting '{at}.release' cannot be 'ab': an experiment compares two versions for "
            "weeks, and a learner makes one after the other.",
            hint="Write 'now' or 'canary'.",
        )
    every_us = _us(checkpoint.every)
    if not every_us:
        raise ConfigError(f"The setting '{at}.checkpoint.every' must be longer than nothing.")
    return OnlineSpec(
        endpoint=endpoint,
        labels=checkpoint.labels,
        every_us=every_us,
        least_us=_us(checkpoint.least),
        guard=Guard(
            margin=guard.margin, fall=guard.fall, false_alarm_labels=guard.false_alarm_labels
        ),
        on_worse=settings.on_worse,
        release=settings.release,
        params=dict(settings.params),
        keep=checkpoint.keep,
    )


def _us(text: str) -> int:
    return round((read_duration(text) or 0.0) * 1e6)
