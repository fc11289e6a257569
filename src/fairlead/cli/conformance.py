"""`fairlead conformance`: does a server keep the Open Inference Protocol?"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from fairlead.cli.output import say, table
from fairlead.conformance import Outcome, run
from fairlead.errors import ConfigError


@click.command("conformance")
@click.argument("url")
@click.option("--model", required=True, help="One that the server serves.")
@click.option(
    "--request",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON body with inputs that the model takes; made from its metadata if not given.",
)
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="Of every request.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
def conformance_command(
    url: str,
    model: str,
    file: Path | None,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask any server at URL whether it keeps the Open Inference Protocol over HTTP.

    Ends with status 1 if a check fails that is required. Sends a few dozen small requests.
    """
    request = None if file is None else _read(file)
    outcomes = run(url, model, request, dict(map(_header, headers)))
    if as_json:
        say(msgspec.json.format(msgspec.json.encode(outcomes)).decode())
    else:
        _print(outcomes)
    if any(outcome.required and outcome.result == "fail" for outcome in outcomes):
        sys.exit(1)


def _print(outcomes: list[Outcome]) -> None:
    """The matrix, and how many of each there are."""
    rows = [(o.group, o.name, "yes" if o.required else "no", o.result, o.reason) for o in outcomes]
    table(("group", "the server", "required", "result", "why"), rows)
    counts = [f"{sum(o.result == kind for o in outcomes)} {word}" for kind, word in _WORDS]
    say(f"{', '.join(counts)}.")


_WORDS = (("pass", "passed"), ("fail", "failed"), ("skip", "skipped"))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ConfigError("A header is written as NAME:VALUE.")
    return name.strip(), value.strip()


def _read(file: Path) -> dict[str, object]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except (msgspec.DecodeError, UnicodeError):
        raise ConfigError(f"{file} holds no JSON object.") from None
