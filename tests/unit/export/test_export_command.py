"""`fairlead export`: what it writes where, and what it says of what makes no sense."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairlead.cli.main import cli
from fairlead.errors import ConfigError, NotFoundError
from support.models import package_churn
from support.small_disk import needs_small_disk, on_small_disk
from support.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    package_churn(home)
    return home


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where one stands, with nothing in it and no runtime of browsers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no" / "cache"))
    return tmp_path


def export(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "export", *arguments])


@pytest.mark.parametrize(
    ("to", "name"),
    [("bundle", "churn-1.fairlead"), ("onnx", "churn-1-onnx"), ("container", "churn-1-container")],
)
def test_what_is_written_has_the_name_of_the_version(
    home: Path, folder: Path, to: str, name: str
) -> None:
    done = export(home, "churn:1", "--to", to)
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"Written to {name}.\n")
    assert [path.name for path in folder.iterdir()] == [name]


def test_what_is_there_is_not_overwritten(home: Path, folder: Path) -> None:
    (folder / "taken").write_text("mine")
    done = export(home, "churn:1", "--out", "taken")
    assert isinstance(done.exception, ConfigError)
    assert "taken exists." in done.exception.message
    assert (folder / "taken").read_text() == "mine"


def test_a_folder_that_is_not_there_is_told_by_what_was_asked_for(home: Path, folder: Path) -> None:
    done = export(home, "churn:1", "--to", "onnx", "--out", "nowhere/phone")
    assert isinstance(done.exception, ConfigError)
    assert done.exception.message == "nowhere/phone has no folder to be in."
    assert list(folder.iterdir()) == []


@needs_small_disk
@pytest.mark.parametrize("to", ["onnx", "device"])
def test_a_full_disk_is_told_by_what_was_asked_for(home: Path, folder: Path, to: str) -> None:
    program = [sys.executable, "-m", "fairlead", "--home", str(home), "export", "churn:1"]
    done = subprocess.run(
        [*on_small_disk(folder / "small", "8k"), *program, "--to", to, "--out", "small/out"],
        capture_output=True, check=False, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1
    assert "out cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr
    assert ".export-" not in done.stderr


def test_nothing_is_left_of_what_failed(home: Path, folder: Path) -> None:
    done = export(home, "churn:1", "--to", "browser")
    assert isinstance(done.exception, ConfigError)
    assert "--fetch-runtime" in done.exception.hint
    assert list(folder.iterdir()) == []


def test_a_version_that_is_not_there_is_told(home: Path) -> None:
    assert isinstance(export(home, "churn:9", "--to", "onnx").exception, NotFoundError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say which version"),
        (("churn:1", "--single-file"), "belong to --to browser"),
        (("churn:1", "--to", "moon"), "'moon' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused(home: Path, arguments: tuple[str, ...], said: str) -> None:
    done = export(home, *arguments)
    assert done.exit_code == 2
    assert said in done.output
