"""`fairlead up`: the platform, from one command."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
import msgspec.structs

from fairlead.app.constants import check_constants
from fairlead.app.exposure import secured
from fairlead.app.platform import (
    answers,
    deploy,
    run_platform,
    start_platform,
    stop_platform,
    wait_ready,
)
from fairlead.app.sessions import sign_in_link
from fairlead.app.supervisor import Addresses
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import BundleError
from fairlead.logs import LEVELS, Format, tell, tells_json
from fairlead.routing import ROUTES

File = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("up")
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--host", help="Address to listen on; default: 127.0.0.1.")
@click.option("--port", type=int, help="Of the API; 0 takes a free one; default: 8080.")
@click.option("--control-port", type=int, help="Of the control plane; default: 8081.")
@click.option("--grpc-port", type=int, help="Of the API over gRPC; not spoken if not given.")
@click.option("--workers", type=click.IntRange(1), help="Processes that answer; default: cores.")
@click.option("--allow-pickle", is_flag=True, help="Let the versions' pickled payloads be loaded.")
@click.option("--keys", is_flag=True, default=None, help="Ask callers for keys.")
@click.option("--tls-cert", type=File, help="Certificate to serve HTTPS with, PEM.")
@click.option("--tls-key", type=File, help="Its private key, PEM.")
@click.option("--log-format", type=click.Choice(get_args(Format)), help="Of what processes tell.")
@click.option("--log-level", type=click.Choice(LEVELS), help="The least that they tell.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without keys or TLS.")
@click.option("--detach", is_flag=True, help="Return once it runs.")
@click.pass_obj
def up_command(
    home: Path | None,
    /,
    versions: tuple[str, ...],
    allow_pickle: bool,
    insecure: bool,
    detach: bool,
    **options: str | int | Path | None,
) -> None:
    """Start workers, controller, API and pages; and an endpoint for each VERSION given.

    Runs until Ctrl-C.
    """
    workspace = Workspace(home)
    given = {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in options.items()
        if value is not None
    }
    server = msgspec.structs.replace(workspace.settings.server, **given)
    server = secured(server, insecure=insecure)
    for version in versions:  # a wrong name is told before anything is started
        workspace.registry.resolve(version)
    check_constants(workspace, versions)
    if detach:
        flags = [_option(name, value) for name, value in given.items()]
        addresses = start_platform(workspace, *flags, *(["--insecure"] if insecure else []))
        _bring_up(workspace, addresses, versions, allow_pickle=allow_pickle)
        return
    settings = msgspec.structs.replace(workspace.settings, server=server)
    run_platform(
        Workspace(home, settings=settings),
        lambda addresses: _bring_up(
            Workspace(workspace.home.path), addresses, versions, allow_pickle=allow_pickle
        ),
    )
    if tells_json():
        tell("info", "stopped", "The platform has stopped.")
    else:
        say("Stopped.")


def _option(name: str, value: str | int) -> str:
    """An option as it was given."""
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option}={value}"


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
    if tells_json():
        tell("info", "ready", "The platform answers.", api=addresses.api, control=addresses.control)
        return
    say(f"API       {addresses.api}")
    if addresses.grpc:
        say(f"gRPC      {addresses.grpc}")
    say(f"Console   {addresses.control}")
    if addresses.keys:
        say("Keys      are asked for; 'fairlead keys create' makes one")
    elif not workspace.user_book.all_users():
        say(f"Sign in   {sign_in_link(workspace, addresses.control, user())}")
        say("          once, within 15 minutes; 'fairlead link' prints another")
    for stored in workspace.store.scan(ROUTES):
        name = stored.value.endpoint
        say(f"Endpoint  {name}: {addresses.api}/v1/endpoints/{name}/predict")
        say(f"          try it {addresses.control}/try/{name}")
        say(f"          docs   {addresses.control}/docs/{name}")
