"""`fairlead compress`: a version made smaller and faster, within what it may lose."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import Any

import click

from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.errors import ConfigError
from fairlead.tables import read_table

MINUTES_MAX = 10_080


@click.command("compress")
@click.argument("version")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rows that the model has not learnt from, with labels if there are any.",
)  # fmt: skip
@click.option(
    "--fit", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rows to fit forms to, as those it learnt from, without labels. Default: some of --data.",
)  # fmt: skip
@click.option("--label", help="Column of the labels. Default: label, if there is one.")
@click.option("--metric", default="", help="That may drop: accuracy, roc_auc, r2, mae …")
@click.option(
    "--max-drop", default="0.5pp", show_default=True, metavar="DROP",
    help="0.5pp are percentage points, 2% are of the original's value.",
)  # fmt: skip
@click.option(
    "--min-agreement", default="97%", show_default=True, metavar="SHARE",
    help="Of rows that must be answered as the original does.",
)  # fmt: skip
@click.option(
    "--sure", default="80%", show_default=True, metavar="CHANCE",
    help="With which both must hold; 50% takes what is measured for what is true.",
)  # fmt: skip
@click.option(
    "--target", type=click.Choice(("size", "latency", "both")), default="both", show_default=True,
    help="What is to be small.",
)  # fmt: skip
@click.option("--methods", default="", metavar="A,B", help="Only these. Default: all.")
@click.option("--minutes", type=click.FloatRange(0.1, MINUTES_MAX), default=5.0, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--dry-run", is_flag=True, help="Only show what there would be.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page of HTML."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_obj
def compress_command(
    home: Path | None,
    version: str,
    data: Path,
    fit: Path | None,
    label: str | None,
    metric: str,
    max_drop: str,
    min_agreement: str,
    sure: str,
    target: Any,
    methods: str,
    minutes: float,
    seed: int,
    dry_run: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Make VERSION smaller and faster, and register the best form that loses little enough.

    Forms are fitted to some rows, chosen by others, and what they lose is told on rows that
    nothing was done with. Ends with status 1 if there is no form to take.
    """
    from fairlead.app.compressing import compress_version
    from fairlead.cli.forms import in_json, page_of, print_forms
    from fairlead.compress.types import Limits

    names = [name.strip() for name in methods.split(",") if name.strip()]
    if methods and not names:
        raise click.BadParameter("It names no method.", param_hint="'--methods'")
    if not isfinite(minutes):
        raise click.BadParameter("It is no number.", param_hint="'--minutes'")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise ConfigError(f"{plot} has no folder to be in.", hint="Make it first.")
    drop, relative = read_drop(max_drop)
    limits = Limits(
        max_drop=drop, relative=relative, metric=metric, target=target, seconds=60.0 * minutes,
        agreement_min=_share("--min-agreement", min_agreement), sureness=_chance(sure),
    )  # fmt: skip
    found = compress_version(
        Workspace(home),
        version,
        read_table(data),
        fit=None if fit is None else read_table(fit),
        label=label,
        methods=names,
        limits=limits,
        seed=seed,
        register=not dry_run,
    )
    if plot is not None:
        plot.write_text(page_of(found, limits), "utf-8")
    if as_json:
        say(in_json(found))
    else:
        print_forms(found, limits)
        if plot is not None:
            say(f"Written to {plot}.")
    if found.outcome.chosen is None:
        sys.exit(1)


def read_drop(text: str) -> tuple[float, bool]:
    """How much may be lost, and whether that is a share of the original's value.

    Raises:
        ConfigError: it is written otherwise.

    Example:
        >>> read_drop("0.5pp"), read_drop("2%")
        ((0.005, False), (0.02, True))
    """
    for unit, relative in (("pp", False), ("%", True)):
        number = text.strip().removesuffix(unit).strip()
        if text.strip().endswith(unit) and _is_number(number) and 0.0 <= float(number) < 100.0:
            return float(number) / 100.0, relative
    raise ConfigError(
        f"--max-drop '{text}' is no loss that may be allowed.",
        hint="Write 0.5pp for half a percentage point of the metric, or 2% of the original's "
        "value.",
    )


def _share(option: str, text: str) -> float:
    number = text.strip().removesuffix("%").strip()
    share = float(number) / (100.0 if "%" in text else 1.0) if _is_number(number) else -1.0
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"{option} '{text}' is no share.", hint="Write 97%, or 0.97.")
    return share


def _chance(text: str) -> float:
    chance = _share("--sure", text)
    if not 0.5 <= chance < 1.0:
        raise ConfigError(
            f"--sure '{text}' is no chance that can be asked for.",
            hint="Write 50%, which takes what is measured for what is true, or more: 80%, 99%.",
        )
    return chance


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
