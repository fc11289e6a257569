"""Rules that alert on trouble, on nothing else, and that Prometheus itself takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fairlead.errors import ConfigError
from fairlead.ops import Objectives, Target, write_prometheus
from fairlead.ops.panels import ROWS
from fairlead.ops.rules import rules
from fairlead.ops.types import Alert, Recording
from fairlead.ops.yaml import yaml
from fairlead.telemetry.families import FAMILIES
from support.tools import needs, promtool

TARGETS = (Target("fairlead", "127.0.0.1:8080"), Target("fairlead-control", "127.0.0.1:8081"))
Series = dict[str, str]

OK = 'fairlead_requests_total{endpoint="churn",outcome="ok"}'
FAILED = 'fairlead_requests_total{endpoint="churn",outcome="model_error"}'
REFUSED = 'fairlead_refused_requests_total{endpoint="churn",code="%s"}'
IN_TIME = 'fairlead_request_seconds_bucket{endpoint="churn",le="0.1"}'
ALL = 'fairlead_request_seconds_count{endpoint="churn"}'
TRAFFIC = {OK: "0+1000x480"}

QUIET: dict[str, Series] = {
    "callers' own mistakes": {**TRAFFIC, REFUSED % "invalid_input": "0+500x480"},
    "as many errors as are allowed": {**TRAFFIC, FAILED: "0+0.9x480"},
    "as many slow ones as are allowed": {IN_TIME: "0+995x480", ALL: "0+1000x480"},
    "one failure of three at night": {OK: "0x470 1x2 2x8", FAILED: "0x471 1x9"},
    "four failures of eight at night": {OK: "0x470 1+1x3 4x6", FAILED: "0x471 1+1x3 4x5"},
    "one slow answer of three at night": {ALL: "0x470 1x1 2x1 3x8", IN_TIME: "0x470 1x1 2x9"},
    "fields that move": {
        'fairlead_field_drifting{endpoint="churn",field="age"}': "1x480",
        'fairlead_field_drift_effect{endpoint="churn",field="age"}': "0.9x480",
    },
    "guards that see no harm": {
        'fairlead_guard_harm{endpoint="churn",guard="accuracy"}': "0x480",
        'fairlead_field_broken{endpoint="churn",field="age"}': "0x480",
    },
    "no traffic at all": {OK: "5x480", FAILED: "5x480", ALL: "5x480", IN_TIME: "0x480"},
    "one restart": {'fairlead_process_restarts_total{process="worker-0"}': "0x470 1x10"},
    "a disk that fills slowly": {
        "fairlead_home_free_bytes": "5000000-1x480", "fairlead_home_size_bytes": "9000000x480",
    },
    "all well": {
        'up{job="fairlead"}': "1x480",
        'fairlead_worker_ready{process="worker-0"}': "1x480",
        "fairlead_unlogged_rows_total": "7x480",
        "fairlead_controller_problems": "0x480",
        "fairlead_controller_silence_seconds": "1x480",
        'fairlead_process_open_fds{process="worker-0"}': "100x480",
        'fairlead_process_max_fds{process="worker-0"}': "1000x480",
    },
}  # fmt: skip
LOUD: dict[str, tuple[Series, set[tuple[str, str, str]]]] = {
    "5 % fail since an hour": (
        {OK: "0+1000x480", FAILED: "0x410 0+50x70"},
        {("FairleadErrorBudgetBurn", "page", "1h"), ("FairleadErrorBudgetBurn", "page", "6h"),
         ("FairleadErrorBudgetBurn", "ticket", "3d")},
    ),
    "half of twenty fail within minutes": (
        {OK: "0x470 1+1x9", FAILED: "0x470 1+1x9"},
        {("FairleadErrorBudgetBurn", "page", "1h"), ("FairleadErrorBudgetBurn", "page", "6h"),
         ("FairleadErrorBudgetBurn", "ticket", "3d")},
    ),
    "half of twenty are slow": (
        {ALL: "0x470 2+2x9", IN_TIME: "0x470 1+1x9"},
        {("FairleadLatencyBudgetBurn", "page", "1h"), ("FairleadLatencyBudgetBurn", "page", "6h"),
         ("FairleadLatencyBudgetBurn", "ticket", "3d")},
    ),
    "answers are proven worse": (
        {'fairlead_guard_harm{endpoint="churn",guard="accuracy"}': "0x470 1x10"},
        {("FairleadAnswersWorse", "page", "")},
    ),
    "values are missing": (
        {'fairlead_field_broken{endpoint="churn",field="plan"}': "0x470 1x10"},
        {("FairleadInputBroken", "ticket", "")},
    ),
    "0.15 % fail for days": (
        {OK: "0+1000x480", FAILED: "0+1.5x480"}, {("FairleadErrorBudgetBurn", "ticket", "3d")}
    ),
    "requests are turned away": (
        {OK: "0+1000x480", REFUSED % "unavailable": "0+1.5x480"},
        {("FairleadErrorBudgetBurn", "ticket", "3d")},
    ),
    "one in five is slow": (
        {IN_TIME: "0+800x480", ALL: "0+1000x480"},
        {("FairleadLatencyBudgetBurn", "page", "1h"), ("FairleadLatencyBudgetBurn", "page", "6h"),
         ("FairleadLatencyBudgetBurn", "ticket", "3d")},
    ),
    "shedding": (
        {OK: "0+1000x480", 'fairlead_shed_requests_total{endpoint="churn",kind="queue"}':
         "0x460 0+20x20"},
        {("FairleadShedding", "page", "")},
    ),
    "rows are not logged": (
        {"fairlead_unlogged_rows_total": "0x472 3x8"}, {("FairleadUnloggedRows", "page", "")}
    ),
    "a job of the night failed": (
        {'fairlead_job_failed{endpoint="churn",job="nightly"}': "0x470 1x10"},
        {("FairleadJobFailed", "ticket", "")},
    ),
    "a worker dies again and again": (
        {'fairlead_process_restarts_total{process="worker-0"}': "0x470 0+1x10"},
        {("FairleadRestarts", "page", "")},
    ),
    "a disk that is nearly full": (
        {"fairlead_home_free_bytes": "5x480", "fairlead_home_size_bytes": "100x480"},
        {("FairleadDiskFilling", "ticket", "")},
    ),
    "a disk that fills quickly": (
        {"fairlead_home_free_bytes": "300000-200x480", "fairlead_home_size_bytes": "900000x480"},
        {("FairleadDiskFilling", "ticket", "")},
    ),
    "files run out": (
        {'fairlead_process_open_fds{process="worker-0"}': "900x480",
         'fairlead_process_max_fds{process="worker-0"}': "1000x480"},
        {("FairleadFilesRunOut", "ticket", "")},
    ),
    "a port that does not answer": (
        {'up{job="fairlead-control"}': "1x460 0x20"}, {("FairleadDown", "page", "")}
    ),
    "a worker that is not ready": (
        {'fairlead_worker_ready{process="worker-0"}': "1x460 0x20"},
        {("FairleadWorkerNotReady", "page", "")},
    ),
    "a controller that fails": (
        {"fairlead_controller_problems": "1x480"}, {("FairleadControllerFails", "ticket", "")}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    return write_prometheus(folder, TARGETS, ["127.0.0.1:9093"], Objectives())[1]


def check(rule_file: Path, folder: Path, series: Series, firing: set[tuple[str, str, str]]) -> None:
    """Let Prometheus evaluate eight hours, and compare which alerts fire at their end."""
    labels = ("alertname", "severity", "window")
    expected = [
        {"labels": "{" + ",".join(f'{n}="{v}"' for n, v in zip(labels, one, strict=True) if v)
         + "}", "value": 1}
        for one in firing
    ]  # fmt: skip
    query = 'group by (alertname, severity, window) (ALERTS{alertstate="firing"})'
    test = {
        "rule_files": [str(rule_file)],
        "group_eval_order": [group.name for group in rules(Objectives())],
        "evaluation_interval": "5m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "promql_expr_test": [{"expr": query, "eval_time": "475m", "exp_samples": expected}],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(json.dumps(test))
    promtool("test", "rules", file)


@needs("promtool")
@pytest.mark.parametrize("why", QUIET)
def test_no_alert_is_raised_by(why: str, rule_file: Path, tmp_path: Path) -> None:
    check(rule_file, tmp_path, QUIET[why], set())


@needs("promtool")
@pytest.mark.parametrize("why", LOUD)
def test_alerts_are_raised_when(why: str, rule_file: Path, tmp_path: Path) -> None:
    series, firing = LOUD[why]
    check(rule_file, tmp_path, series, firing)


def test_every_alert_is_raised_by_some_trouble_above() -> None:
    raised = {name for _, firing in LOUD.values() for name, _, _ in firing}
    groups = rules(Objectives())
    assert raised == {r.name for group in groups for r in group.rules if isinstance(r, Alert)}


def test_a_thousand_predictions_cost_what_the_machine_costs_meanwhile(
    rule_file: Path, tmp_path: Path
) -> None:
    """0.36 an hour are 0.0001 a second; at 2 rows a second a thousand take 500 seconds."""
    test = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'fairlead_rows_total{endpoint="a"}', "values": "0+60x120"},
                    {"series": 'fairlead_rows_total{endpoint="b"}', "values": "0+60x120"},
                    {
                        "series": 'fairlead_machine_hourly_price{currency="EUR"}',
                        "values": "0.36x120",
                    },
                ],
                "promql_expr_test": [
                    {
                        "expr": "round(fairlead:cost_per_1000_predictions:rate1h, 0.0001)",
                        "eval_time": "110m",
                        "exp_samples": [{"labels": '{currency="EUR"}', "value": 0.05}],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(test))
    promtool("test", "rules", file)


@needs("promtool")
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("cert", ["", "cert.pem"])
def test_prometheus_takes_the_configuration(tmp_path: Path, keys: bool, cert: str) -> None:
    if cert:
        cert = str(tmp_path / cert)
        Path(cert).touch()
    (tmp_path / "prometheus.key").write_text("secret")
    target = Target("fairlead", "[::1]:8080", keys, cert)
    config, _ = write_prometheus(tmp_path, [target], ["a:1", "b:2"], Objectives(latency_s=1.0))
    promtool("check", "config", config)
    text = config.read_text()
    assert ("credentials_file: prometheus.key" in text) == keys
    assert ("scheme: https" in text) == bool(cert)


@pytest.mark.parametrize(
    ("objectives", "hint"),
    [
        (Objectives(latency_s=0.11), "0.1 s"),
        (Objectives(availability=99.9), "0.999"),
        (Objectives(latency_share=1), "0.999"),
    ],
)
def test_what_cannot_be_promised_is_refused(
    tmp_path: Path, objectives: Objectives, hint: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(hint)):
        write_prometheus(tmp_path, TARGETS, [], objectives)


def test_expressions_name_metrics_that_there_are() -> None:
    every = [rule for group in rules(Objectives()) for rule in group.rules]
    recorded = {rule.record for rule in every if isinstance(rule, Recording)}
    exprs = [rule.expr for rule in every]
    exprs += [expr for row in ROWS.values() for panel in row for expr, _ in panel.lines]
    either = "fairlead_(requests|refused_requests)_total"
    both = "fairlead_requests_total, fairlead_refused_requests_total"
    for expr in exprs:
        used = re.findall(r"\b(?:endpoint:)?fairlead[_:][\w:]+", expr.replace(either, both))
        for name in used:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in recorded or base in FAMILIES, (name, expr)


@needs("promtool")
def test_figures_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    exprs = [expr for row in ROWS.values() for panel in row for expr, _ in panel.lines]
    plain = [e.replace("$__rate_interval", "5m").replace("$endpoint", ".*") for e in exprs]
    named = [{"record": f"figure:{place}", "expr": e} for place, e in enumerate(plain)]
    file = tmp_path / "figures.yml"
    file.write_text(yaml({"groups": [{"name": "figures", "rules": named}]}))
    promtool("check", "rules", file)
