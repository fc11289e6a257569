"""`fairlead demo`: the main job, on real data, in one command."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from fairlead.app.demo.data import fit_models, load
from fairlead.app.platform import deploy, is_ready, start_platform, stop_platform, wait_ready
from fairlead.app.public import package
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import BundleError

ENDPOINT = "tumour"
REQUEST_ROWS = 3
SHOWN = 3


@click.command("demo")
@click.option("--once", is_flag=True, help="End after the replay instead of staying up.")
@click.option("--port", default=8080, help="Of the API; 0 takes a free one.")
@click.option("--control-port", default=8081, help="Of the control plane; likewise.")
@click.option("--workers", default=2, type=click.IntRange(1), help="Processes that answer.")
@click.pass_obj
def demo_command(home: Path | None, once: bool, port: int, control_port: int, workers: int) -> None:
    """Fit, package, serve, ask and give feedback, on a real data set and in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="fairlead-demo-") as folder:
        workspace = Workspace(home or Path(folder) / ".fairlead")
        try:
            _play(workspace, f"--port={port}", f"--control-port={control_port}",
                  f"--workers={workers}")  # fmt: skip
            if not once:
                say("\nIt stays up until Ctrl-C.")
                _wait_until_gone(workspace)
        except KeyboardInterrupt:
            say("\nStopping.")
        finally:
            stop_platform(workspace)


def _play(workspace: Workspace, *options: str) -> None:
    home = workspace.home.path
    with _step("Fit two models on 228 biopsies"):
        data = load()
        linear, trees = fit_models(data)
    rows, labels = data.fit
    with _step("Package and register both"):
        first = package(linear, rows, labels, name=ENDPOINT, home=home)
        second = package(trees, rows, labels, name=ENDPOINT, parent=first.name, home=home)
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
    say(f"\nAPI      {addresses.api}/v1/endpoints/{ENDPOINT}/predict")
    say(f"OpenAPI  {addresses.control}/docs/{ENDPOINT}")
    say(f"Try it   {addresses.control}/try/{ENDPOINT}")
    say(f"Next     fairlead --home {home} deploy {second.name}")


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    click.echo(f"{what} … ", nl=False)
    started_s = time.perf_counter()
    yield
    click.echo(f"{time.perf_counter() - started_s:.1f} s")


def _wait_until_gone(workspace: Workspace) -> None:
    addresses = workspace.addresses()
    while is_ready(addresses, "/health/live"):
        time.sleep(1.0)
