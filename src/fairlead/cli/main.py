"""The front door: finds a command by name and imports only that one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from fairlead.cli.output import fail
from fairlead.errors import FairleadError
from fairlead.nearest import nearest

COMMANDS = {
    "advise": ("fairlead.cli.advise", "Say how fast a model decays, and how to train it."),
    "alerts": ("fairlead.cli.alerts", "See what is wrong, silence it, and test who is told."),
    "alias": ("fairlead.cli.models", "Point an alias such as `champion` at a version."),
    "automation": (
        "fairlead.cli.automation",
        "Say who decides: the model, people, or each some rows.",
    ),
    "batch": ("fairlead.cli.batch", "Score whole files, and go on where it was interrupted."),
    "compress": (
        "fairlead.cli.compress",
        "Make a version smaller and faster.",
    ),
    "config": ("fairlead.cli.config", "Check or show the settings."),
    "conformance": (
        "fairlead.cli.conformance",
        "Ask any server whether it keeps the Open Inference Protocol.",
    ),
    "demo": ("fairlead.cli.demo", "See the whole of it run on a small real data set."),
    "deploy": ("fairlead.cli.deploy", "Let a version answer an endpoint."),
    "doctor": (
        "fairlead.cli.doctor",
        "Tell what is installed, what is missing and what that costs.",
    ),
    "endpoints": ("fairlead.cli.deploy", "List the endpoints and who answers them."),
    "evaluate": (
        "fairlead.cli.evaluate",
        "Measure a version on labelled rows, also against another.",
    ),
    "experiment": ("fairlead.cli.experiment", "Report what an experiment has found so far."),
    "export": ("fairlead.cli.export", "Write a version for elsewhere: browser, device, container."),
    "features": (
        "fairlead.cli.features",
        "Bring features to where requests look them up.",
    ),
    "feedback": ("fairlead.cli.log", "Send what came later: labels, judgements, outcomes."),
    "home": ("fairlead.cli.config", "Print the home folder that commands use here."),
    "import": ("fairlead.cli.archive", "Register a bundle from a file."),
    "jobs": ("fairlead.cli.jobs", "See what is scheduled and how it went; run it now."),
    "keys": ("fairlead.cli.keys", "Make, list and revoke the keys of callers."),
    "label": ("fairlead.cli.label", "Put rows that are worth a label before people."),
    "link": ("fairlead.cli.link", "Print a link that signs in to the console once."),
    "models": ("fairlead.cli.models", "List the models and their versions."),
    "monitor": ("fairlead.cli.monitor", "Show how an endpoint fares: drift, faults, alerts."),
    "online": ("fairlead.cli.online", "See and stop models that learn as labels arrive."),
    "ops": ("fairlead.cli.ops", "Write files for Prometheus, Grafana and Alertmanager."),
    "package": ("fairlead.cli.package", "Package a model file and register it."),
    "precompute": (
        "fairlead.cli.precompute",
        "Make predictions before anyone asks, to be looked up by a key.",
    ),
    "predict": ("fairlead.cli.predict", "Ask a running endpoint about rows of a file."),
    "predictions": ("fairlead.cli.log", "Look into the prediction log."),
    "release": ("fairlead.cli.release", "Follow a release, and tell it what to do."),
    "report": ("fairlead.cli.report", "Write how an endpoint fares to one page of HTML."),
    "review": ("fairlead.cli.review", "Decide what waits for a person, one at a time."),
    "show": ("fairlead.cli.models", "Show everything about one version."),
    "simulate": ("fairlead.cli.simulate", "Carry out a plan of a release a thousand times."),
    "stop": ("fairlead.cli.up", "Stop the platform of this home."),
    "tag": ("fairlead.cli.models", "Add tags of your own to a version."),
    "update": (
        "fairlead.cli.updates",
        "Train a model anew now; released if it is better.",
    ),
    "updates": (
        "fairlead.cli.updates",
        "See how models are kept right; approve, cancel.",
    ),
    "up": ("fairlead.cli.up", "Start the platform."),
    "users": ("fairlead.cli.users", "Add, list and remove who signs in to the console."),
}


class Commands(click.Group):
    """A group that imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][0])
        command = getattr(module, f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            close = nearest(args[0], COMMANDS)
            meant = f" Did you mean '{close}'?" if close else ""
            raise click.UsageError(f"There is no command '{args[0]}'.{meant}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that holds the state. Default: $FAIRLEAD_HOME, or the nearest .fairlead upward.",
)
@click.version_option(package_name="fairlead")
@click.pass_context
def cli(ctx: click.Context, home: Path | None) -> None:
    """Take a trained model to production and keep it right there."""
    ctx.obj = home


def main() -> None:
    """Entry of the `fairlead` command."""
    try:
        cli.main(prog_name="fairlead", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except (FairleadError, OSError) as error:
        fail(error)
