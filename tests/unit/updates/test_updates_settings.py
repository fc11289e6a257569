"""What may be said of updates in fairlead.toml, and what is refused, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.app.settings import load_settings, updates
from fairlead.app.settings_shown import describe
from fairlead.errors import ConfigError
from fairlead.updates.settings import read_size
from fairlead.updates.types import Condition, Limits

WHOLE = """
[alerts.channel.ops]
url = "https://example.org/hook"

[endpoint.churn.update]
train = "churn_model:train"
data = { log = "churn", labels = "required", window = "90d", plus = "data/base.parquet" }
every = "1d"
when = ["drift", "accuracy", "alert volume", "labels >= 5000"]
mode = { usual = "fine-tune", scratch_every = 7 }
evaluate = { metric = "roc_auc", holdout = "latest 20%", slices = ["plan"], slice_margin = 0.02 }
release = "canary"
approve = "auto"
limits = { time = "2h", memory = "8GiB", retries = 2 }
params = { depth = 6, rate = 0.1, on = true, kind = "a" }
announce = ["ops"]
"""


def told(folder: Path, text: str) -> Path:
    file = folder / "fairlead.toml"
    file.write_text(text)
    return file


def test_the_whole_table_is_read(tmp_path: Path) -> None:
    file = told(tmp_path, WHOLE)
    settings = load_settings(file)
    (spec,) = updates(settings, file.parent)
    assert spec.data.plus == str(tmp_path / "data/base.parquet")
    assert spec.data.window_us == 90 * 86_400_000_000
    assert spec.when == (
        Condition(kind="drift"), Condition(kind="accuracy"),
        Condition(kind="alert", name="volume"), Condition(kind="labels", count=5000),
    )  # fmt: skip
    assert (spec.usual, spec.scratch_every) == ("fine-tune", 7)
    assert spec.gate.slices == ("plan",)
    assert spec.limits == Limits(
        time_us=7_200_000_000, memory_bytes=8 << 30, retries=2, retry_us=60_000_000
    )
    assert spec.params == {"depth": 6, "rate": 0.1, "on": True, "kind": "a"}
    assert spec.folder == str(tmp_path)
    shown = {name: value for name, value, _ in describe(settings)}
    assert shown["endpoint.churn.update.train"] == "churn_model:train"


def test_a_function_is_enough(tmp_path: Path) -> None:
    file = told(tmp_path, '[endpoint.churn.update]\ntrain = "m:train"\n')
    (spec,) = updates(load_settings(file), tmp_path)
    assert (spec.timing, spec.when, spec.usual, spec.data.log) == (None, (), "scratch", "churn")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('train = "../evil:train"', "names no function"),
        ('when = ["drifts"]', "when.*nothing is known of"),
        ('when = ["labels >= 0"]', "when"),
        ('every = "1d"\ncron = "0 3 * * *"', "one of 'every' and 'cron'"),
        ('cron = "0 3 * *"', "cron"),
        ('evaluate = { holdout = "latest 0%" }', "holdout"),
        ('evaluate = { holdout = "20%" }', "evaluate.holdout is not right"),
        ("evaluate = { alpha = 0.9 }", "evaluate.alpha is not right"),
        ("evaluate = { marginn = 0.0 }", "marginn.*"),
        ('limits = { memory = "8 gigs" }', "limits.memory is not right"),
        ('limits = { time = "0s" }', "limits.time"),
        ('approve = "anybody"', "approve is not right"),
        ('announce = ["opps"]', "'opps'"),
        ('mode = "tune"', "mode"),
        ('mode = { usual = "tune" }', "mode"),
        ('data = { label = "y", time = "y" }', "two names"),
        ('trian = "m:train"', "Did you mean"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(tmp_path: Path, line: str, match: str) -> None:
    train = "" if line.startswith("train") else 'train = "m:train"\n'
    file = told(tmp_path, f"[endpoint.churn.update]\n{train}{line}\n")
    with pytest.raises(ConfigError, match=match) as caught:
        load_settings(file)
    assert "endpoint.churn.update" in str(caught.value)


@pytest.mark.parametrize(("text", "size"), [("1MB", 10**6), ("3MiB", 3 << 20), ("2GB", 2 * 10**9)])
def test_sizes(text: str, size: int) -> None:
    assert read_size(text) == size
