"""`fairlead package`: a model file becomes a registered version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.app.public import package
from fairlead.cli.output import say
from fairlead.errors import ConfigError
from fairlead.tables import read_table

if TYPE_CHECKING:
    import polars as pl

PICKLES = (".pkl", ".pickle", ".joblib")


@click.command("package")
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.option("--name", required=True, help="Of the model.")
@click.option(
    "--reference",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rows as the model takes them: Parquet, CSV, JSON.",
)
@click.option("--label", help="Column of the reference that holds the labels.")
@click.option("--parent", help="The version it was updated from.")
@click.option("--allow-pickle", is_flag=True, help="Load a pickled model.")
@click.pass_obj
def package_command(
    home: Path | None,
    model: Path,
    name: str,
    reference: Path,
    label: str | None,
    parent: str | None,
    allow_pickle: bool,
) -> None:
    """Package MODEL: a file of ONNX, skops or pickle, a folder of MLflow or of a Python class."""
    from fairlead.packaging.mlflow import is_mlflow

    rows = read_table(reference)
    labels = None
    if label is not None:
        if label not in rows.columns:
            raise ConfigError(f"{reference} has no column '{label}'.")
        labels, rows = rows[label].to_numpy(), rows.drop(label)
    version = package(
        load_model(model, allow_pickle=allow_pickle),
        _as_fitted(rows) if model.suffix in (".skops", *PICKLES) or is_mlflow(model) else rows,
        labels,
        name=name,
        parent=parent,
        allow_pickle=allow_pickle,
        home=home,
    )
    say(f"{version.name} is registered, served by {version.runner}.")
    for metric, value in version.metrics.items():
        say(f"  {metric} {value:.4g}")
    for note in version.notes:
        say(f"  Note: {note}")
    say(f"Next: fairlead up {version.name}")


def _as_fitted(rows: pl.DataFrame) -> object:
    """The rows as a pandas frame, where there is pandas: what most such models were fitted on."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return rows
    return pd.DataFrame({column.name: column.to_list() for column in rows.iter_columns()})


def load_model(path: Path, *, allow_pickle: bool = False) -> object:
    """The model in a file: a skops file is opened if it holds nothing but vetted types.

    Raises:
        ConfigError: it is a pickle, and that is not allowed.
    """
    if path.suffix == ".skops":
        from fairlead.runners.sklearn import load_skops

        return load_skops(path.read_bytes())
    if path.suffix not in PICKLES:
        return path
    if not allow_pickle:
        raise ConfigError(
            f"{path} is a pickle: loading it runs whatever code is in it.",
            hint="If you trust where it came from, say --allow-pickle.",
        )
    import joblib

    return joblib.load(path)
