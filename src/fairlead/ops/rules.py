"""What Prometheus is to compute of the metrics, and when it is to alert.

Burn rates are those of the Site Reliability Workbook, chapter 5: 14.4 times what the month's budget
allows, over an hour, uses 2 % of it; 6 times, over six hours, 5 %; 1 time, over three days, 10 %. A
short window beside each long one ends the alert soon after the trouble ended. Where fewer than five
requests went wrong over the long window nothing is said: one failure of three at night is no reason
to wake anybody.
"""

from __future__ import annotations

from fairlead.ops.types import Alert, Group, Objectives, Recording, Severity
from fairlead.serving.refusal import CODES, STATUS

WINDOWS = ("5m", "30m", "1h", "6h", "3d")
BURNS: tuple[tuple[float, str, str, Severity], ...] = (
    (14.4, "1h", "5m", "page"),
    (6, "6h", "30m", "page"),
    (1, "3d", "6h", "ticket"),
)
BAD_MIN = 5
"""Requests that must have gone wrong over the long window; an increase is not always whole."""
OURS = sorted({kind.code for kind, status in STATUS.items() if status >= 500} | {CODES[500]})
"""Codes of refusals that are our fault, not the caller's."""

_NAMED = (
    '__name__=~"fairlead_(requests|refused_requests)_total", '
    f'code=~"|{"|".join(OURS)}"'  # requests that reached a model have no code
)
_ASKED = f"{{{_NAMED}}}"
_FAILED = f'{{{_NAMED}, outcome!="ok"}}'


def rules(objectives: Objectives) -> tuple[Group, ...]:
    """All rules.

    Args:
        objectives: that alerts are about.
    """
    return (
        Group("fairlead-ratios", (*_ratios(objectives), *_costs())),
        Group("fairlead-objectives", _burns(objectives)),
        Group("fairlead-platform", PLATFORM),
        Group("fairlead-models", MODELS),
    )


def _ratios(objectives: Objectives) -> list[Recording]:
    """The share of an endpoint's requests that failed, and that were slow, over each window."""
    edge = repr(float(objectives.latency_s))
    in_time = f'fairlead_request_seconds_bucket{{le="{edge}"}}'
    answered = "fairlead_request_seconds_count"
    found = []
    for window in WINDOWS:
        failed, counted, quick, every = (
            _sum("rate", of, window) for of in (_FAILED, _ASKED, in_time, answered)
        )
        found += [
            Recording(f"endpoint:fairlead_errors:ratio_rate{window}", f"{failed} / {counted}"),
            Recording(f"endpoint:fairlead_slow:ratio_rate{window}", f"1 - {quick} / {every}"),
        ]
    for _, window, _, _ in BURNS:
        failed, quick, every = (_sum("increase", of, window) for of in (_FAILED, in_time, answered))
        found += [
            Recording(f"endpoint:fairlead_errors:increase{window}", failed),
            Recording(f"endpoint:fairlead_slow:increase{window}", f"{every} - {quick}"),
        ]
    shed = _sum("rate", "fairlead_shed_requests_total", "5m")
    expr = f"{shed} / {_sum('rate', _ASKED, '5m')}"
    return [*found, Recording("endpoint:fairlead_shed:ratio_rate5m", expr)]


def _sum(function: str, of: str, window: str) -> str:
    return f"sum by (endpoint) ({function}({of}[{window}]))"


def _costs() -> list[Recording]:
    """What 1,000 rows cost, of all platforms that tell a price together."""
    price = "sum by (currency) (fairlead_machine_hourly_price) / 3600"
    rows = "sum(rate(fairlead_rows_total[1h]))"
    expr = f"1000 * {price} / on () group_left () ({rows} > 0)"
    return [Recording("fairlead:cost_per_1000_predictions:rate1h", expr)]


def _burns(objectives: Objectives) -> tuple[Alert, ...]:
    promised = {
        ("FairleadErrorBudgetBurn", "errors"): objectives.availability,
        ("FairleadLatencyBudgetBurn", "slow"): objectives.latency_share,
    }
    return tuple(
        _burn(name, metric, round(1 - share, 9), *burn)
        for (name, metric), share in promised.items()
        for burn in BURNS
    )


def _burn(
    name: str, metric: str, budget: float, times: float, long: str, short: str, severity: Severity
) -> Alert:
    ratio, limit = f"endpoint:fairlead_{metric}:ratio_rate", f"{times:g} * {budget:g}"
    what = "fail" if metric == "errors" else "are slow"
    return Alert(
        name,
        f"{ratio}{long} > {limit} and {ratio}{short} > {limit} "
        f"and endpoint:fairlead_{metric}:increase{long} > {BAD_MIN - 0.5:g}",
        severity,
        "{{ $value | humanizePercentage }} of the requests to {{ $labels.endpoint }} "
        f"{what}, over {long}: so the month's budget is gone in {30 / times:.0f} days.",
        keep=short if severity == "page" else "",
        window=long,
    )


PLATFORM = (
    Alert(
        "FairleadDown",
        'up{job=~"fairlead.*"} == 0',
        "page",
        "{{ $labels.job }} at {{ $labels.instance }} does not answer.",
        hold="1m",
    ),
    Alert(
        "FairleadWorkerNotReady",
        "fairlead_worker_ready == 0",
        "page",
        "{{ $labels.process }} does not answer every endpoint it should.",
        hold="5m",
    ),
    Alert(
        "FairleadShedding",
        "endpoint:fairlead_shed:ratio_rate5m > 0.01",
        "page",
        "{{ $value | humanizePercentage }} of the requests to {{ $labels.endpoint }} are shed: "
        "there are more than the workers can answer.",
        hold="5m",
    ),
    Alert(
        "FairleadUnloggedRows",
        "increase(fairlead_unlogged_rows_total[5m]) > 0",
        "page",
        "Predictions are not put on the log: look at the disk of the home.",
    ),
    Alert(
        "FairleadRestarts",
        "increase(fairlead_process_restarts_total[15m]) > 2",
        "page",
        "{{ $labels.process }} died {{ $value | humanize }} times in 15 minutes.",
    ),
    Alert(
        "FairleadDiskFilling",
        "fairlead_home_free_bytes / fairlead_home_size_bytes < 0.1 "
        "or (predict_linear(fairlead_home_free_bytes[6h], 86400) < 0 "
        "and fairlead_home_free_bytes / fairlead_home_size_bytes < 0.4)",
        "ticket",
        "The disk of the home is full, or will be within a day.",
        hold="30m",
    ),
    Alert(
        "FairleadFilesRunOut",
        "fairlead_process_open_fds / fairlead_process_max_fds > 0.8",
        "ticket",
        "{{ $labels.process }} has {{ $value | humanizePercentage }} of its files open.",
        hold="15m",
    ),
    Alert(
        "FairleadJobFailed",
        "fairlead_job_failed == 1",
        "ticket",
        "The last run of {{ $labels.endpoint }}/{{ $labels.job }} failed: 'fairlead jobs list "
        "{{ $labels.endpoint }}/{{ $labels.job }}' says why.",
    ),
    Alert(
        "FairleadControllerFails",
        "fairlead_controller_problems > 0 or fairlead_controller_silence_seconds > 60",
        "ticket",
        "The controller at {{ $labels.instance }} does not do all of its work: ask /health/ready.",
        hold="15m",
    ),
)  # fmt: skip
MODELS = (
    Alert(
        "FairleadAnswersWorse",
        "fairlead_guard_harm == 1",
        "page",
        "{{ $labels.guard }} of {{ $labels.version }} behind {{ $labels.endpoint }} is proven "
        "worse than it may be: 'fairlead alerts list' says what to look at.",
    ),
    Alert(
        "FairleadInputBroken",
        "fairlead_field_broken == 1",
        "ticket",
        "{{ $labels.field }}, as {{ $labels.endpoint }} gets it, is proven to have bad values.",
    ),
)
"""Drift alone is no alert: most of it does no harm. The dashboard shows it."""
