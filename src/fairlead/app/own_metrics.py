"""What `fairlead.toml` may say of an endpoint's own metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from fairlead.alerts import Rule
from fairlead.alerts.rules import DEFAULTS
from fairlead.alerts.settings import Duration
from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.names import check_name

KINDS = ("sum", "mean", "ratio", "cost", "function")
LABEL = "label"
COST_MAX = 1e12
"""Squares of more, summed over many rows, would be no numbers any more."""
_FUNCTION = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*", re.ASCII)


class MetricSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[endpoint.NAME.metric.METRIC]`: one of `sum`, `mean`, `ratio`, `cost`, `function`.

    Args:
        sum: feedback whose numbers are added up over all predictions.
        mean: feedback of which the mean is told, over the predictions that have some.
        ratio: two names of feedback: the sum of the first over that of the second; or one, whose
            sum is divided by the number of predictions.
        cost: what an answer costs, by truth and answer, as the mean over labelled rows.
        function: module and name of a Python function, in a file beside this one; the mean over
            labelled rows of what it gives.
        span: stretch of the last windows that alerts look at.
        after: for how long feedback is waited for: alerts leave younger windows out.
    """

    sum: str | None = None
    mean: str | None = None
    ratio: Annotated[list[str], Meta(min_length=1, max_length=2)] | None = None
    cost: dict[str, dict[str, float]] | None = None
    function: str | None = None
    span: Duration = "1d"
    after: Duration = "0s"

    @property
    def kinds(self) -> list[str]:
        """What it says that it is; one, if it makes sense."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]


def check_metrics(
    endpoint: str, metrics: Mapping[str, MetricSettings], rules: Iterable[Rule]
) -> None:
    """Refuse metrics that make no sense, and rules of them that cannot be.

    Args:
        endpoint: whose.
        metrics: its tables, by name.
        rules: its rules of alerts.

    Raises:
        ConfigError: names the table.
    """
    taken = {rule.guard or rule.metric for rule in DEFAULTS.values()}
    for name, own in metrics.items():
        at = f"endpoint.{endpoint}.metric.{name}"
        check_name(name, "metric")
        if name in taken:
            raise ConfigError(f"'{at}' has the name of another metric.", hint="Choose another one.")
        _check_form(at, own)
    for rule in rules:
        if rule.metric in metrics and rule.above is None and rule.below is None:
            raise ConfigError(
                f"The rule 'endpoint.{endpoint}.alert.{rule.name}' needs a limit: no detector "
                f"guards '{rule.metric}'.",
                hint="Say 'metric' with 'above' or 'below', and 'proven = true' if the whole "
                "interval must be beyond it.",
            )


def _check_form(at: str, own: MetricSettings) -> None:
    if len(own.kinds) != 1:
        raise ConfigError(
            f"'{at}' must be one of {', '.join(KINDS)}; it is {' and '.join(own.kinds) or 'none'}."
        )
    names = [name for name in (own.sum, own.mean, *(own.ratio or ())) if name is not None]
    if LABEL in names or "" in names:
        raise ConfigError(
            f"'{at}' needs the name of feedback that is no label.",
            hint="Labels are for 'cost' and 'function'.",
        )
    if own.function is not None and not _FUNCTION.fullmatch(own.function):
        raise ConfigError(
            f"'{at}.function' names no function.",
            hint="As 'my_metrics:cost', for 'cost' in a file 'my_metrics.py' beside fairlead.toml.",
        )
    costs = [cost for row in (own.cost or {}).values() for cost in row.values()]
    if own.cost is not None and not (costs and all(abs(cost) <= COST_MAX for cost in costs)):
        raise ConfigError(
            f"'{at}.cost' needs a number, of {COST_MAX:g} at most, for each mistake that costs "
            "something.",
            hint="As { left = { stayed = 100.0 } }: 'left' was true, 'stayed' was answered.",
        )
    if not read_duration(own.span):
        raise ConfigError(f"'{at}.span' must be longer than nothing.")
