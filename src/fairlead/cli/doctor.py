"""`fairlead doctor`: what is here, what is missing, and what that costs."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

import click

from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table
from fairlead.errors import FairleadError
from fairlead.telemetry import Cards

REQUIRED = (
    "numpy", "onnxruntime", "scikit-learn", "skl2onnx", "skops", "polars", "uvloop", "lmdb"
)  # fmt: skip
OPTIONAL = {
    "catboost": "CatBoost models that do not convert to ONNX cannot run",
    "lightgbm": "LightGBM models that do not convert to ONNX cannot run",
    "fsspec": "batch jobs do not read object storage, such as s3://",
    "grpcio": "gRPC cannot be spoken",
    "pandas": "models that were fitted on pandas frames and do not convert to ONNX cannot run",
    "psycopg": "batch jobs do not ask PostgreSQL",
    "pyarrow": "nothing of Fairlead; pandas needs it to read Parquet",
    "nvidia-ml-py": "graphics cards are not measured in /metrics",
    "torch": "torch modules are not packaged, and programs of torch do not run",
    "onnxscript": "torch modules do not become ONNX",
    "safetensors": "weights of torch modules are not kept to train on from",
    "PyYAML": "MLflow model folders are not read",
    "redis": "look-up tables cannot lie in Redis",
    "river": "models of river are neither packaged nor served",
    "xgboost": "XGBoost models that do not convert to ONNX cannot run",
}
OTHER_BUILDS = {"xgboost": ("xgboost-cpu",)}


@click.command("doctor")
@click.pass_obj
def doctor_command(home: Path | None) -> None:
    """Tell what is installed, what is missing and what that costs; status 1 if it cannot work."""
    workspace = Workspace(home)
    place = workspace.home.path
    say(f"Fairlead {_version('fairlead')}, Python {platform.python_version()}, {sys.platform}")
    say(f"Home {place}, {shutil.disk_usage(place).free / 1e9:.1f} GB free, {os.cpu_count()} cores")
    missing = [name for name in REQUIRED if _version(name) is None]
    table(
        ("package", "version", "without it"),
        [(name, _version(name), "Fairlead does not work") for name in REQUIRED]
        + [(name, _version(name), cost) for name, cost in OPTIONAL.items()],
    )
    problems = [f"{name} is missing; install fairlead again." for name in missing]
    if sys.platform != "linux":
        say("Not Linux: the platform runs with one worker.")
    if missing_cards := Cards().missing:
        say(f"Graphics cards are not measured: {missing_cards}.")
    problems += _check(workspace)
    for problem in problems:
        say(f"Problem: {problem}")
    if problems:
        sys.exit(1)
    say("All is well.")


def _version(name: str) -> str | None:
    """The version that is installed, of a package or of a build of it under another name."""
    for build in (name, *OTHER_BUILDS.get(name, ())):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(build)
    return None


def _check(workspace: Workspace) -> list[str]:
    """What is wrong with this home, in words."""
    problems: dict[str, None] = {}  # settings that are wrong are wrong for all of them
    for what in ("settings", "store", "blobs", "keys"):
        try:
            getattr(workspace, what)
        except FairleadError as error:
            problems[str(error)] = None
    return list(problems)
