"""`fairlead advise`: its table, its files, and what it says of what makes no sense."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from fairlead.cli.main import cli
from fairlead.errors import ConfigError, FairleadError, ModelError

TRAIN = """
from sklearn.linear_model import LogisticRegression

print("it is imported")


def train(data, previous, params):
    assert data.columns == ["x", "y", "label", "time"], data.columns
    return LogisticRegression().fit(data.select("x", "y"), data["label"])
"""
BROKEN = """
def train(data, previous, params):
    raise ValueError("secret value")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, a function, and rows whose classes are parted by a line that turns."""
    folder = tmp_path_factory.mktemp("advice")
    (folder / ".fairlead").mkdir(mode=0o700)
    (folder / "churn_model.py").write_text(TRAIN)
    (folder / "broken.py").write_text(BROKEN)
    random = np.random.default_rng(3)
    days = np.sort(random.uniform(0, 26, 1500))
    x, y = random.normal(size=(2, len(days)))
    left = x * np.cos(0.08 * days) + y * np.sin(0.08 * days) + 0.5 * random.normal(size=1500) > 0
    start = datetime(2026, 1, 1, tzinfo=UTC)
    asked = [start + timedelta(days=day) for day in days.tolist()]
    pl.DataFrame({
        "x": x, "y": y, "label": np.where(left, "left", "stayed"), "time": asked,
        "labelled": [time + timedelta(hours=6) for time in asked],
    }).write_parquet(folder / "past.parquet")  # fmt: skip
    return folder


def told(folder: Path, *more: str, train: str = "churn_model:train") -> Result:
    home = ["--home", str(folder / ".fairlead")]
    given = ["advise", "churn", "--train", train, "--rows", str(folder / "past.parquet")]
    return CliRunner().invoke(cli, [*home, *given, "--block", "1d", *more])


def refused(kind: type[FairleadError], result: Result) -> str:
    assert isinstance(result.exception, kind), result.exception
    return str(result.exception)


def test_the_past_is_played_and_told_of(folder: Path, tmp_path: Path) -> None:
    numbers, page = tmp_path / "advice.json", tmp_path / "advice.html"
    found = told(
        folder, "--trainings", "60", "--price", "2.5", "--json", str(numbers), "--plot", str(page)
    )
    assert found.exit_code == 0, found.exception
    assert "It decays" in found.output
    assert "every 4d" in found.output
    assert "EUR" in found.output
    advice = json.loads(numbers.read_bytes())
    assert advice["verdict"] == "train"
    assert advice["recommended"] in {line["policy"]["name"] for line in advice["lines"]}
    assert advice["trained"] <= 60
    assert advice["left_out"]
    html = page.read_text()
    assert "Gain of roc_auc" in html
    assert "churn: advice on training" in html
    assert not [*(folder / ".fairlead" / "cache").iterdir()]


def test_figures_are_plotly_json(folder: Path, tmp_path: Path) -> None:
    figures = tmp_path / "advice.json"
    found = told(folder, "--trainings", "12", "--metric", "accuracy", "--plot", str(figures))
    assert found.exit_code == 0, found.exception
    assert all({"data", "layout"} <= figure.keys() for figure in json.loads(figures.read_bytes()))
    assert "Not tried" in found.output


def test_too_little_history_is_an_answer(folder: Path) -> None:
    found = told(folder, "--block", "7d")
    assert found.exit_code == 0, found.exception
    assert "12 at least are needed" in found.output


def test_what_makes_no_sense_is_refused(folder: Path) -> None:
    assert "no function 'nothing'" in refused(ModelError, told(folder, train="broken:nothing"))
    failed = refused(ModelError, told(folder, train="broken:train"))
    assert "ValueError" in failed
    assert "secret" not in failed
    assert "no metric 'auc'" in refused(ConfigError, told(folder, "--metric", "auc"))
    assert "neither" in refused(ConfigError, told(folder, "--plot", "advice.png"))
    assert "--delay" in refused(ConfigError, told(folder, "--delay", "soon"))
