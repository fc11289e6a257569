"""A package as it runs on a device: a process with four packages, killed, starved, read-only."""

from __future__ import annotations

import json
import random
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.device import load
from support.device import run_package
from support.small_disk import MOUNT, needs_small_disk, on_small_disk
from support.waiting import PATIENCE_S

Run = Callable[..., subprocess.CompletedProcess[str]]
BODY = '{"rows": [{"age": 21, "plan": "pro"}, {"age": 4}]}'
LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
from fairlead.device import load
model = load(state=sys.argv[2])
"""
ANSWERS_ON = f"""{LOADED}
while True:
    for answer in model.predict([{{"age": 1}}] * 3):
        print(answer["id"], flush=True)
"""
FILLS_UP = f"""{LOADED}
import os
filler = os.open(os.path.dirname(sys.argv[2]) + "/filler", os.O_WRONLY | os.O_CREAT)
def answer(times):
    ids.extend(model.predict([{{"age": 21}}])[0]["id"] for _ in range(times))
ids = []
answer(5)
try:
    while True:
        os.write(filler, bytes(512))
except OSError:
    pass
answer(200)
unlogged = model.keeper.unlogged
os.ftruncate(filler, 0)
answer(5)
model.close()
from fairlead.device.look import kept_rows, stand
from pathlib import Path
folder = Path(sys.argv[2])
kept = [row["id"] for row in kept_rows(folder, model.signature)]
print(len(ids), len(kept), unlogged, stand(folder).unlogged, kept[-5:] == ids[-5:],
      kept == [each for each in ids if each in set(kept)])
"""


@pytest.fixture
def run(package: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return run_package(package, *arguments, environment=environment, given=given)

    return run


def python(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_there_is_nothing_but_what_a_device_has(environment: dict[str, str]) -> None:
    for module in ("fairlead", "sklearn", "polars", "onnx", "click"):
        tried = python(environment, "-c", f"import {module}")
        assert tried.wait(60) == 1
        assert tried.communicate()[0] == ""


def test_the_commands(run: Run, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    file = tmp_path / "rows.json"
    file.write_text(BODY)
    (answered,) = lines(run("predict", str(file), *state).stdout)
    assert [row["prediction"] for row in answered["predictions"]] == [42, 8]
    (piped,) = lines(run("predict", "-", *state, given='{"age": 1, "plan": null}').stdout)
    ids = [row["id"] for row in (*answered["predictions"], *piped["predictions"])]

    found = run("rows", *state, "--out", str(tmp_path / "rows.jsonl"))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert [row["id"] for row in lines((tmp_path / "rows.jsonl").read_text())] == ids

    (window,) = lines(run("profiles", *state).stdout)
    assert window["is_open"]
    assert (window["rows"], window["profile"]["inputs"]["age"]["count"]) == (3, 3)
    standing = json.loads(run("status", "--json", *state).stdout)
    assert (standing["version"], standing["rows"], standing["unlogged"]) == ("ages:3", 3, 0)
    assert "rows kept: 3" in run("status", *state).stdout
    checked = run("check")
    assert (checked.returncode, len(checked.stdout.splitlines())) == (0, 3)


@pytest.mark.parametrize("command", ["rows", "profiles"])
def test_a_file_that_exists_is_not_written_over(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "kept.jsonl").write_text("of last week")
    refused = run(command, "--state", str(tmp_path), "--out", str(tmp_path / "kept.jsonl"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("kept.jsonl exists.\n  Choose another name with --out.\n")
    assert (tmp_path / "kept.jsonl").read_text() == "of last week"


def test_a_file_that_could_not_be_finished_is_not_left(run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert run("predict", "-", "--state", str(state), given=BODY).returncode == 0
    (rows,) = (state / "rows").iterdir()
    (state / "windows" / f"{rows.stem}.json.gz").write_text("damaged")
    failed = run("profiles", "--state", str(state), "--out", str(tmp_path / "profiles.jsonl"))
    assert failed.returncode == 1
    assert "A window of what was seen cannot be read." in failed.stderr
    assert not (tmp_path / "profiles.jsonl").exists()


def test_a_line_without_an_end_is_not_read_whole(run: Run) -> None:
    finished = run("predict", "-", "--lines", "--no-state", given=" " * ((64 << 20) + 9))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "A line is larger than is taken at once." in finished.stderr


def test_lines_are_answered_one_by_one_refused_ones_too(run: Run, tmp_path: Path) -> None:
    given = '{"age": 1}\n\n{"age": "old"}\n{"rows": [{"age": 2}]}\n'
    finished = run("predict", "-", "--lines", "--state", str(tmp_path / "state"), given=given)
    first, refused, last = lines(finished.stdout)
    assert finished.returncode == 1
    assert [each["predictions"][0]["prediction"] for each in (first, last)] == [2, 4]
    assert refused["error"]["code"] == "invalid_input"
    assert refused["error"]["problems"][0]["field"] == "age"


def test_a_refusal_names_row_and_field_and_shows_no_traceback(run: Run) -> None:
    refused = run("predict", "-", "--no-state", given='{"rows": [{"age": 1}, {"age": "old"}]}')
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(
        "Error: Row 1, field 'age': expected a finite number, got text"
    )
    assert "Traceback" not in refused.stderr
    missing = run("predict", "nowhere.json", "--no-state")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "nowhere.json cannot be read" in missing.stderr


def test_a_package_is_imported_and_answers(
    package: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    code = (
        LOADED
        + 'print(model.predict([{"age": 4}])[0]["prediction"],'
        + ' sys.modules.keys() & {"cryptography", "_hashlib"})'  # OpenSSL takes megabytes
    )
    process = python(environment, "-c", code, package, tmp_path / "state")
    assert process.communicate(timeout=PATIENCE_S)[0].split() == ["8.0", "set()"]


def test_what_was_answered_is_kept_though_the_process_is_killed(
    package: Path, environment: dict[str, str], tmp_path: Path, run: Run
) -> None:
    drawn = random.Random(7)
    state, seen = tmp_path / "state", list[str]()
    for _ in range(5):
        process = python(environment, "-c", ANSWERS_ON, package, state)
        assert process.stdout is not None
        seen += [process.stdout.readline().strip() for _ in range(drawn.randrange(1, 400))]
        process.send_signal(signal.SIGKILL)
        # What it had printed before it died was answered, too; a torn line was not.
        seen += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait(60)
        process.stdout.close()
    rows = lines(run("rows", "--state", str(state)).stdout)
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert seen == [each for each in ids if each in set(seen)]
    assert len(ids) - len(seen) <= 5 * 3  # kept, but not told before the end


def test_a_folder_that_is_not_as_it_should_be_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "state" / "rows" / f"{1:016d}-{'a' * 16}.journal").mkdir(parents=True)
    for name in ("file", "state"):
        found = run("status", "--state", str(tmp_path / name))
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr.startswith("Error: A file cannot be read or written: ")
        assert str(tmp_path) not in found.stderr


def test_a_command_waits_for_another_to_end(package: Path, run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with load(package, state=state) as model:
        model.predict([{"age": 1}])
        busy = run("status", "--state", str(state)).stdout
        assert "a process writes there now" in busy
    assert run("predict", "-", "--state", str(state), given=BODY).returncode == 0


@needs_small_disk
def test_answers_go_on_while_the_disk_is_full(
    package: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    command = [sys.executable, "-S", "-c", FILLS_UP, str(package), str(disk / "state")]
    finished = subprocess.run(
        [*on_small_disk(disk, "256k"), *command],
        env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    answered, kept, unlogged, counted, resumed, in_order = finished.stdout.split()
    assert (answered, counted, resumed, in_order) == ("210", unlogged, "True", "True")
    assert int(kept) + int(unlogged) == 210
    assert int(unlogged) > 100
    assert finished.stderr.count("not kept") == 1


@needs_small_disk
def test_a_package_runs_from_a_folder_that_nobody_can_write(
    package: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    folder, state = shlex.quote(str(package.parent)), str(tmp_path / "state")
    mounted = (
        f'mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec "$0" "$@"'
    )

    def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MOUNT, mounted, sys.executable, "-S", str(package), "predict", "-", *arguments],
            env=environment, input=BODY, capture_output=True, text=True, check=False,
            timeout=PATIENCE_S,
        )  # fmt: skip

    kept, unkept = run(["--state", state]), run([])
    assert (kept.returncode, kept.stderr) == (0, "")
    assert unkept.returncode == 0
    assert "not kept: ages-state cannot be used: Read-only file system" in unkept.stderr
    for each in (kept, unkept):
        assert msgspec.json.decode(each.stdout)["predictions"][0]["prediction"] == 42
