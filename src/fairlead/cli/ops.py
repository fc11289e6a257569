"""`fairlead ops`: files for the tools that watch a platform."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from fairlead.app.settings import ServerSettings
from fairlead.app.tls import name_of
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import ConfigError, UnavailableError
from fairlead.ops import (
    Objectives,
    Target,
    write_alertmanager,
    write_grafana,
    write_prometheus,
)

DEFAULTS = Objectives()

output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="Folder to write into; default: the present one.",
)  # fmt: skip


@click.group("ops")
def ops_command() -> None:
    """Write files for Prometheus, Grafana and Alertmanager, to watch this platform with."""


@ops_command.command("prometheus")
@output_option
@click.option(
    "--alertmanager",
    "alertmanagers",
    multiple=True,
    default=("127.0.0.1:9093",),
    show_default=True,
    metavar="HOST:PORT",
    help="Who is told; may be given again.",
)
@click.option(
    "--availability",
    type=float,
    default=DEFAULTS.availability,
    show_default=True,
    help="Share of requests that shall be answered without an error of ours.",
)
@click.option(
    "--latency-s",
    type=float,
    default=DEFAULTS.latency_s,
    show_default=True,
    help="Seconds in which requests shall be answered.",
)
@click.option(
    "--latency-share",
    type=float,
    default=DEFAULTS.latency_share,
    show_default=True,
    help="Share of requests that shall be.",
)
@click.pass_obj
def prometheus_command(
    home: Path | None,
    output: Path,
    alertmanagers: tuple[str, ...],
    availability: float,
    latency_s: float,
    latency_share: float,
) -> None:
    """Write what Prometheus reads of this platform, computes of it, and alerts on."""
    targets = _targets(Workspace(home))
    objectives = Objectives(availability, latency_share, latency_s)
    _tell(write_prometheus(output, targets, alertmanagers, objectives))
    if targets[0].keys:
        say("It asks for a key: fairlead keys create prometheus --scope operate > prometheus.key")


@ops_command.command("grafana")
@output_option
def grafana_command(output: Path) -> None:
    """Write a dashboard, for Grafana 11 and later, over what Prometheus read."""
    _tell(write_grafana(output))


@ops_command.command("alertmanager")
@output_option
@click.option("--webhook", "webhooks", multiple=True, required=True, metavar="URL",
              help="That alerts are posted to; may be given again.")  # fmt: skip
def alertmanager_command(output: Path, webhooks: tuple[str, ...]) -> None:
    """Write whom Alertmanager tells, and how often."""
    for url in webhooks:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"{url} is no URL of a webhook.", hint="Start it with https://.")
    _tell(write_alertmanager(output, webhooks))


def _tell(files: list[Path]) -> None:
    for file in files:
        say(f"Written: {file}")


def _targets(workspace: Workspace) -> list[Target]:
    """Where both ports are: of the platform that runs, else as the settings say."""
    server = workspace.settings.server
    keys, cert = server.keys, server.tls_cert
    try:
        addresses = workspace.addresses()
    except UnavailableError:
        places = [_place(server, server.port), _place(server, server.control_port)]
    else:
        places = [urlsplit(url).netloc for url in (addresses.api, addresses.control)]
        keys, cert = addresses.keys, addresses.tls_cert
    jobs = ("fairlead", "fairlead-control")
    name = name_of(cert) if cert else ""
    return [Target(job, place, keys, cert, name) for job, place in zip(jobs, places, strict=True)]


def _place(server: ServerSettings, port: int) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{port}"
