"""`fairlead demo`: the main job, on real data, in one command."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from fairlead.app.demo.data import DemoData, fit_models, load
from fairlead.app.demo.drift import DRIFTING, SETTINGS, Send, watch_drift, watch_quiet
from fairlead.app.demo.fleet import bring_up, in_inches, keep_asking
from fairlead.app.demo.releases import let_in
from fairlead.app.platform import deploy, is_ready, start_platform, stop_platform, wait_ready
from fairlead.app.public import package
from fairlead.app.sessions import sign_in_link
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import BundleError, UnavailableError

if TYPE_CHECKING:
    import polars as pl

    from fairlead.client import Client

ENDPOINT = "tumour"
REQUEST_ROWS = 3
SHOWN = 3
SHOWN_WINDOW_S_MAX = 5.0
"""In a home with settings of its own the windows may be hours, and the demo does not wait."""


@click.command("demo")
@click.option("--once", is_flag=True, help="End after the replay instead of staying up.")
@click.option("--port", default=8080, help="Of the API; 0 takes a free one.")
@click.option("--control-port", default=8081, help="Of the control plane; likewise.")
@click.option("--workers", default=2, type=click.IntRange(1), help="Processes that answer.")
@click.pass_obj
def demo_command(home: Path | None, once: bool, port: int, control_port: int, workers: int) -> None:
    """Fit, package, serve, ask and give feedback, on a real data set and in a home of its own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left running
    with tempfile.TemporaryDirectory(prefix="fairlead-demo-") as folder:
        if home is None:
            home = Path(folder) / ".fairlead"
            (Path(folder) / "fairlead.toml").write_text(SETTINGS)
        workspace = Workspace(home)
        try:
            data = load()
            client = _play(workspace, data, f"--port={port}", f"--control-port={control_port}",
                           f"--workers={workers}")  # fmt: skip
            if not once:
                _stay(workspace, client, data)
        except KeyboardInterrupt:
            say("\nStopping.")
        finally:
            stop_platform(workspace)


def _play(workspace: Workspace, data: DemoData, *options: str) -> Client:
    """The story, from fitting to releases."""
    home = workspace.home.path
    with _step("Fit three models on 228 biopsies"):
        models = fit_models(data)
    rows, labels = data.fit
    with _step("Package and register them"):
        first, second, third = (
            package(model, rows, labels, name=ENDPOINT, home=home) for model in models
        )
    with _step("Start workers and controller"):
        addresses = start_platform(workspace, *options)
    with _step(f"Deploy {first.name}"):
        release = deploy(workspace, first.name, actor="demo")
        if release.state == "failed":
            raise BundleError(release.reason)
        wait_ready(addresses)
    client = workspace.client(addresses)
    traffic, truth = data.traffic
    with _step(f"Replay {traffic.height} held-out rows over HTTP"):
        answers = [
            answer
            for part in traffic.iter_slices(REQUEST_ROWS)
            for answer in client.predict(ENDPOINT, part.to_dicts())
        ]
    with _step("Send their labels as feedback"):
        items = [
            {"id": answer["id"], "value": label}
            for answer, label in zip(answers, truth.tolist(), strict=True)
        ]
        client.feedback(ENDPOINT, items)
    right = sum(a["label"] == t for a, t in zip(answers, truth.tolist(), strict=True))
    say(f"\n{len(answers)} rows answered, {right / len(answers):.1%} as the laboratory did. Some:")
    for answer, label in list(zip(answers, truth.tolist(), strict=True))[:SHOWN]:
        say(f"  {msgspec.json.encode(answer).decode()}  truth: {label}")
    if workspace.settings.monitoring.window_s < SHOWN_WINDOW_S_MAX:
        _show_drift(workspace, lambda rows: client.predict(ENDPOINT, rows), traffic)
        _show_releases(workspace, client, (second.name, third.name), traffic, truth.tolist())
    say(f"\nAPI      {addresses.api}/v1/endpoints/{ENDPOINT}/predict")
    say(f"OpenAPI  {addresses.control}/docs/{ENDPOINT}")
    say(f"Try it   {addresses.control}/try/{ENDPOINT}")
    say(f"Next     fairlead --home {home} release show {ENDPOINT}")
    return client


def _stay(workspace: Workspace, client: Client, data: DemoData) -> None:
    """Go on being asked until Ctrl-C, or until the platform is stopped by somebody else."""
    say("")
    with _step("Bring up two more endpoints"):
        callers = bring_up(workspace, client)
    traffic, truth = data.traffic
    callers.append(in_inches(traffic, truth.tolist(), ENDPOINT))
    addresses = workspace.addresses()
    say(f"\nConsole  {sign_in_link(workspace, addresses.control, user())}")
    say("         signs in once, within 15 minutes; after that:")
    say(f"         fairlead --home {workspace.home.path} link")
    say("All are asked from now on; one of them is in trouble. It stays up until Ctrl-C.")
    keep_asking(client, callers, lambda: is_ready(addresses, "/health/live"))


def _show_drift(workspace: Workspace, send: Send, traffic: pl.DataFrame) -> None:
    """Let one field change its unit, and show what monitoring makes of it."""
    say("")
    with _step("Watch traffic of which nothing moves"):
        watch_quiet(workspace, send, traffic)
    with _step(f"Send '{DRIFTING}' in inches, until an alert says so"):
        alerts = watch_drift(workspace, send, traffic)
    if not alerts:
        raise UnavailableError("No alert came of the planted drift.")
    for alert in alerts:
        say(f"  {alert.severity:6}  {alert.name}: {alert.steps[-1].reason}")


def _show_releases(
    workspace: Workspace,
    client: Client,
    versions: tuple[str, str],
    traffic: pl.DataFrame,
    truth: list[str],
) -> None:
    """Let a good version take over, and another one fail."""
    say("")
    for version, end in zip(versions, ("done", "rolled back"), strict=True):
        with _step(f"Release {version} as a canary, judged by the labels that come"):
            release = let_in(workspace, client, version, traffic, truth)
        say(f"  {release.version.name} is {release.state}: {release.reason}")
        if release.state != end:
            raise UnavailableError(f"The release of {version} was to be {end}.")


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    click.echo(f"{what} … ", nl=False)
    started_s = time.perf_counter()
    yield
    click.echo(f"{time.perf_counter() - started_s:.1f} s")
