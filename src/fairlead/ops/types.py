"""The values of this package."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["page", "ticket"]
"""Whether somebody is to look at once, or in working hours."""


class Target(msgspec.Struct, frozen=True):
    """Where metrics are read.

    Args:
        job: what Prometheus calls it.
        address: `127.0.0.1:8080`.
        keys: whether it asks for a key.
        tls_cert: file of the certificate that it shows; empty without TLS.
        tls_name: that the certificate is for, which may be another than the address.
    """

    job: str
    address: str
    keys: bool = False
    tls_cert: str = ""
    tls_name: str = ""


class Objectives(msgspec.Struct, frozen=True):
    """What is promised of every endpoint, over a month.

    Args:
        availability: share of requests that are answered without an error of ours.
        latency_share: share of requests that are answered in time.
        latency_s: that time; an edge of the histogram of latencies.
    """

    availability: float = 0.999
    latency_share: float = 0.99
    latency_s: float = 0.1


class Recording(msgspec.Struct, frozen=True):
    """An expression that Prometheus evaluates again and again, and keeps under a name."""

    record: str
    expr: str


class Alert(msgspec.Struct, frozen=True):
    """An expression that raises an alert while it gives anything.

    Args:
        name: of the alert.
        expr: in PromQL.
        severity: of it.
        summary: one line for who is told; may name labels, `{{ $labels.endpoint }}`.
        hold: for how long it must be so before anyone is told, `5m`; empty for at once.
        keep: for how long it is told on after it is no longer so; empty for not at all.
        window: of burn rates, to tell their alerts apart.
    """

    name: str
    expr: str
    severity: Severity
    summary: str
    hold: str = ""
    keep: str = ""
    window: str = ""


class Group(msgspec.Struct, frozen=True):
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Recording | Alert, ...]


class Panel(msgspec.Struct, frozen=True):
    """One figure of a dashboard.

    Args:
        title: over it.
        unit: of its values, as Grafana names it.
        lines: expression and legend of each.
    """

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
