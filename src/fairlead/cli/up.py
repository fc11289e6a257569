"""`fairlead up`: the platform, from one command."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec.structs

from fairlead.app.platform import (
    answers,
    deploy,
    run_platform,
    start_platform,
    stop_platform,
    wait_ready,
)
from fairlead.app.settings import LOOPBACK
from fairlead.app.supervisor import Addresses
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import BundleError, ConfigError
from fairlead.routing import ROUTES


@click.command("up")
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--host", help="Address to listen on; default: 127.0.0.1.")
@click.option("--port", type=int, help="Of the API; 0 takes a free one; default: 8080.")
@click.option("--control-port", type=int, help="Of the control plane; default: 8081.")
@click.option("--grpc-port", type=int, help="Of the API over gRPC; not spoken if not given.")
@click.option("--workers", type=click.IntRange(1), help="Processes that answer; default: cores.")
@click.option("--allow-pickle", is_flag=True, help="Let the versions' pickled payloads be loaded.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without keys or TLS.")
@click.option("--detach", is_flag=True, help="Return once it runs.")
@click.pass_obj
def up_command(
    home: Path | None,
    versions: tuple[str, ...],
    host: str | None,
    port: int | None,
    control_port: int | None,
    grpc_port: int | None,
    workers: int | None,
    allow_pickle: bool,
    insecure: bool,
    detach: bool,
) -> None:
    """Start workers, controller, API and pages; and an endpoint for each VERSION given.

    Runs until Ctrl-C.
    """
    workspace = Workspace(home)
    given = {
        "host": host, "port": port, "control_port": control_port, "grpc_port": grpc_port,
        "workers": workers,
    }  # fmt: skip
    server = msgspec.structs.replace(
        workspace.settings.server, **{k: v for k, v in given.items() if v is not None}
    )
    if server.host not in LOOPBACK and not insecure:
        raise ConfigError(
            f"{server.host} is reached by other machines, and there are no keys or TLS yet.",
            hint="Keep 127.0.0.1 behind a proxy that has both, or say --insecure.",
        )
    for version in versions:  # a wrong name is told before anything is started
        workspace.registry.resolve(version)
    if detach:
        options = [f"--{k.replace('_', '-')}={v}" for k, v in given.items() if v is not None]
        flags = ["--insecure"] if insecure else []
        addresses = start_platform(workspace, *options, *flags)
        _bring_up(workspace, addresses, versions, allow_pickle=allow_pickle)
        return
    workspace.__dict__["settings"] = msgspec.structs.replace(workspace.settings, server=server)
    run_platform(
        workspace,
        lambda addresses: _bring_up(
            Workspace(workspace.home.path), addresses, versions, allow_pickle=allow_pickle
        ),
    )
    say("Stopped.")


@click.command("stop")
@click.pass_obj
def stop_command(home: Path | None) -> None:
    """Stop the platform of this home: finish what is under way, seal the log, end."""
    workspace = Workspace(home)
    workspace.addresses()
    stop_platform(workspace)
    say("Stopped.")


def _bring_up(
    workspace: Workspace, addresses: Addresses, versions: tuple[str, ...], *, allow_pickle: bool
) -> None:
    """Wait for the processes, release each version, and print where to go."""
    for reference in versions:
        version = workspace.registry.resolve(reference)
        if answers(workspace, version.model) != version.name:
            release = deploy(workspace, version.name, allow_pickle=allow_pickle)
            if release.state == "failed":
                raise BundleError(release.reason)
    wait_ready(addresses)
    say(f"API       {addresses.api}")
    if addresses.grpc:
        say(f"gRPC      {addresses.grpc}")
    say(f"Console   {addresses.control}")
    for stored in workspace.store.scan(ROUTES):
        name = stored.value.endpoint
        say(f"Endpoint  {name}: {addresses.api}/v1/endpoints/{name}/predict")
        say(f"          try it {addresses.control}/try/{name}")
        say(f"          docs   {addresses.control}/docs/{name}")
