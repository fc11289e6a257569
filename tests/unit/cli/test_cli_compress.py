"""What `fairlead compress` reads of its options, and what it says of those it cannot."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import polars as pl
import pytest

from fairlead.app.compressing import Compressed
from fairlead.app.workspace import Workspace
from fairlead.bundle import RunnerSpec, Step
from fairlead.cli.compress import read_drop
from fairlead.cli.forms import print_forms
from fairlead.cli.main import cli
from fairlead.compress.divide import Part, Parts
from fairlead.compress.run import Line, Outcome
from fairlead.compress.types import Compared, Cost, Form, Limits, Target
from fairlead.errors import ConfigError, FairleadError, NotFoundError
from fairlead.signature import Batch
from fairlead.stats import Estimate
from support.compress import FIELDS, package_network, rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `side:1`, and rows with labels beside it."""
    home = tmp_path_factory.mktemp("compress") / ".fairlead"
    package_network(home)
    values, side = rows(300, seed=3)
    labelled = pl.DataFrame(values, FIELDS).with_columns(side=pl.Series(side))
    labelled.write_parquet(home.parent / "rows.parquet")
    return home


def run(home: Path, *arguments: str, data: str = "rows.parquet", version: str = "side:1") -> None:
    given = ["compress", version, "--data", str(home.parent / data), "--dry-run", *arguments]
    cli.main(["--home", str(home), *given], standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "read"),
    [("0.5pp", (0.005, False)), ("0pp", (0.0, False)), ("2%", (0.02, True)),
     (" 1.5 pp ", (0.015, False))],
)  # fmt: skip
def test_a_loss_is_in_points_or_of_the_value(text: str, read: tuple[float, bool]) -> None:
    assert read_drop(text) == pytest.approx(read)


@pytest.mark.parametrize("text", ["", "0.5", "half", "-1pp", "200pp", "nan pp", "pp", "1pp%"])
def test_what_is_no_loss_is_refused_with_the_two_ways_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError, match="is no loss") as found:
        read_drop(text)
    assert "0.5pp" in found.value.hint
    assert "2%" in found.value.hint


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--label", "sid"], "no column 'sid' of labels", "Did you mean 'side'?"),
        (["--min-agreement", "lots"], "--min-agreement 'lots' is no share", "Write 97%"),
        (["--sure", "120%"], "--sure '120%' is no share", "Write 97%"),
        (["--sure", "100%"], "--sure '100%' is no chance", "80%, 99%"),
        (["--sure", "0.2"], "--sure '0.2' is no chance", "50%"),
        (["--metric", "accuracy"], "no labels to measure accuracy by", "--label"),
        (["--plot", "nowhere/page.html"], "nowhere/page.html has no folder", "Make it first."),
        (["--methods", "prun"], "no method 'prun'", "Did you mean 'prune'?"),
        (["--metric", "acuracy", "--label", "side"], "no metric acuracy", "accuracy"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_way_out(
    home: Path, arguments: list[str], error: str, hint: str
) -> None:
    with pytest.raises(FairleadError) as found:
        run(home, *arguments)
    assert error in found.value.message
    assert hint in found.value.hint


def test_rows_that_are_too_few_or_of_another_kind_are_named(home: Path) -> None:
    pl.read_parquet(home.parent / "rows.parquet")[:20].write_parquet(home.parent / "few.parquet")
    pl.DataFrame({"e": [1.0]}).write_parquet(home.parent / "other.parquet")
    with pytest.raises(ConfigError, match="There are 20 rows"):
        run(home, data="few.parquet")
    with pytest.raises(ConfigError, match="none of the columns that the version takes: a, b, c, d"):
        run(home, data="other.parquet")


def test_a_column_that_is_not_there_is_named_and_not_taken_for_missing_values(home: Path) -> None:
    given = pl.read_parquet(home.parent / "rows.parquet")
    given.rename({"b": "bb"}).write_parquet(home.parent / "renamed.parquet")
    with pytest.raises(ConfigError, match="lack 1 of the columns that the version takes: b"):
        run(home, data="renamed.parquet")


def test_a_version_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(NotFoundError, match="no version side:9"):
        run(home, version="side:9")


def test_where_nothing_is_gained_it_ends_with_status_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(home, "--label", "side", "--methods", "round")
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "The graph holds no trees." in printed
    assert "nothing is registered" in printed


def line(name: str, size_bytes: int, times: float) -> Line:
    """A form of so many bytes, so many times as fast as an original that takes 10 and 90 µs."""
    sure, faster = Estimate(1.0, 1.0, 1.0), Estimate(times, times, times)
    same = Compared(rows=3, metric="", original=None, value=None, change=None, agreement=sure,
                    kappa=None)  # fmt: skip
    cost = Cost(size_bytes, 10.0 / times, 90.0 / times)
    form = Form((Step(method=name),), bytes(size_bytes), same, cost)
    return Line(form, same, 1000 / size_bytes, faster, faster)


@pytest.mark.parametrize(
    ("target", "lines", "told", "ways"),
    [
        ("latency", [line("int8", 250, 1.0)], "No form gains in time by more than noise",
         ["--target size takes int8: 4.0x smaller, 1.00x faster for one row, 1.00x for 64.",
          "--target both takes int8: "]),
        ("both", [line("distil", 8000, 6.0)], "No form gains in size and time together",
         ["--target latency takes distil: 0.1x smaller, 6.00x faster for one row"]),
        ("size", [line("distil", 8000, 9.0)], "No form gains in size;",
         ["--target latency takes distil: ", "--target both takes distil: "]),
        ("both", [], "No form is smaller or faster and loses little enough",
         ["--max-drop, --min-agreement and --sure"]),
    ],
)  # fmt: skip
def test_where_no_form_is_taken_it_is_said_what_would_take_one(
    home: Path, capsys: pytest.CaptureFixture[str], target: Target, lines: list[Line], told: str,
    ways: list[str],
) -> None:  # fmt: skip
    workspace = Workspace(home)
    version = workspace.registry.resolve("side:1")
    workspace.close()
    asked = Batch(3, FIELDS, np.zeros((3, len(FIELDS))), {})
    outcome = Outcome(
        original=Cost(1000, 10.0, 90.0), spec=RunnerSpec(kind="onnx", path="model.onnx"),
        lines=tuple(lines), chosen=None, refused=(),
        parts=Parts(asked, Part(asked, None), Part(asked, None)), notes=(), cold={}, measured_on={},
    )  # fmt: skip
    print_forms(Compressed(version, outcome, None), Limits(target=target))
    ending = capsys.readouterr().out.splitlines()[-1 - len(ways) :]
    assert ending[0].startswith(told)
    assert ending[0].endswith("nothing is registered.")
    assert all(way in said for way, said in zip(ways, ending[1:], strict=True))


@pytest.mark.parametrize(
    "arguments", [["--minutes", "nan"], ["--minutes", "inf"], ["--methods", ","]]
)
def test_an_option_that_says_nothing_is_refused(home: Path, arguments: list[str]) -> None:
    with pytest.raises(click.BadParameter, match=r"no (number|method)|not in the range"):
        run(home, *arguments)
