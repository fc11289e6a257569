"""Prometheus' files: what it reads, computes and alerts on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigError
from fairlead.ops.rules import rules
from fairlead.ops.types import Alert, Objectives, Recording, Target
from fairlead.ops.yaml import yaml
from fairlead.serving.counters import LATENCY_EDGES_S

CONFIG = "prometheus.yml"
RULES = "fairlead.rules.yml"
KEY = "prometheus.key"


def write_prometheus(
    folder: Path, targets: Sequence[Target], alertmanagers: Sequence[str], objectives: Objectives
) -> list[Path]:
    """Write the configuration and the rules.

    Args:
        folder: to write into; made if it is not there.
        targets: what is scraped.
        alertmanagers: addresses, `127.0.0.1:9093`.
        objectives: that alerts are about.

    Returns:
        The files.

    Raises:
        ConfigError: the latency is no edge of the histogram, or a share is none.
    """
    _check(objectives)
    folder.mkdir(parents=True, exist_ok=True)
    config, rule_file = folder / CONFIG, folder / RULES
    config.write_text(yaml(_config(targets, alertmanagers)), encoding="utf-8")
    groups = [
        {"name": group.name, "rules": [_rule(rule) for rule in group.rules]}
        for group in rules(objectives)
    ]
    rule_file.write_text(yaml({"groups": groups}), encoding="utf-8")
    return [config, rule_file]


def _check(objectives: Objectives) -> None:
    if objectives.latency_s not in LATENCY_EDGES_S:
        nearest = min(LATENCY_EDGES_S, key=lambda edge_s: abs(edge_s - objectives.latency_s))
        raise ConfigError(
            f"Latencies are not counted at {objectives.latency_s:g} s.",
            hint=f"The nearest at which they are is {nearest:g} s.",
        )
    for share in (objectives.availability, objectives.latency_share):
        if not 0 < share < 1:
            raise ConfigError(f"{share:g} is no share between 0 and 1.", hint="Try 0.999.")


def _config(targets: Sequence[Target], alertmanagers: Sequence[str]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [*alertmanagers]}]}]},
        "scrape_configs": [_scrape(target) for target in targets],
    }


def _scrape(target: Target) -> dict[str, Any]:
    scrape: dict[str, Any] = {"job_name": target.job}
    if target.tls_cert:
        name = {"server_name": target.tls_name} if target.tls_name else {}
        scrape |= {"scheme": "https", "tls_config": {"ca_file": target.tls_cert, **name}}
    if target.keys:
        scrape["authorization"] = {"credentials_file": KEY}
    return {**scrape, "static_configs": [{"targets": [target.address]}]}


def _rule(rule: Recording | Alert) -> dict[str, Any]:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expr}
    written: dict[str, Any] = {"alert": rule.name, "expr": rule.expr}
    written |= {"for": rule.hold} if rule.hold else {}
    written |= {"keep_firing_for": rule.keep} if rule.keep else {}
    labels = {"severity": rule.severity} | ({"window": rule.window} if rule.window else {})
    return {**written, "labels": labels, "annotations": {"summary": rule.summary}}
