"""Scheduled jobs as the control plane has them: their processes, their settings, their doors."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.alerts import NOTIFICATIONS
from fairlead.app import attempt_child
from fairlead.app.attempt import Asked, AttemptProcess, Speech
from fairlead.app.jobs import JOBS, AskedJob, job_controller
from fairlead.app.settings import load_settings
from fairlead.app.settings_shown import describe
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.cli.main import cli
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError
from fairlead.schedules import RUNS, Completed, Failed, Run, Told
from fairlead.schedules.attempts import LEASE_US
from fairlead.schedules.narrate import narrate
from fairlead.store import Put
from support.batch import rows_of
from support.control import control_of
from support.models import package_churn
from support.waiting import until

LEASE = "schedule/churn/nightly"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    package_churn(folder / ".fairlead")
    (folder / "in").mkdir()
    for place in range(60):
        rows_of(200, seed=place + 1).write_parquet(folder / "in" / f"{place:02d}.parquet")
    return folder / ".fairlead"


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    workspace = Workspace(home)
    yield workspace
    workspace.close()


def start(
    workspace: Workspace, output: Path, inputs: str = "in", speech: Speech[Told] = JOBS
) -> AttemptProcess[Told]:
    job = Job(
        version="churn:1", inputs=(str(workspace.home.path.parent / inputs),), output=str(output),
        endpoint="churn", name="nightly-1", workers=1,
    )  # fmt: skip
    held = workspace.store.acquire(LEASE, "me", workspace.clock.now_us(), LEASE_US)
    assert held
    asked = AskedJob(
        home=str(workspace.home.path), settings=workspace.settings, lease=LEASE, holder="me",
        job=job,
    )  # fmt: skip
    return AttemptProcess(speech, asked)


def ended(process: AttemptProcess[Told]) -> Completed | Failed:
    def look() -> Told | None:
        told = process.look()
        return told if isinstance(told, Completed | Failed) else None

    try:
        found = until(look, "its end")
    finally:
        process.close()
    assert isinstance(found, Completed | Failed)
    return found


def begun(output: Path) -> None:
    manifest = output.with_name(f"{output.name}.incomplete") / "_job" / "manifest"
    until(lambda: manifest.exists() and manifest.read_bytes().count(b"\n") > 2, "some chunks")


def is_free(workspace: Workspace) -> bool:
    """Whether nobody holds the lease; nobody does afterwards."""
    taken = workspace.store.acquire(LEASE, "another", workspace.clock.now_us(), LEASE_US)
    workspace.store.release(LEASE, "another")
    return taken


def test_a_process_that_is_killed_says_so_and_the_next_one_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    process = start(workspace, tmp_path / "out")
    begun(tmp_path / "out")
    os.kill(process.pid, signal.SIGKILL)
    told = ended(process)
    assert isinstance(told, Failed)
    assert "ended by signal 9" in told.error
    again = ended(start(workspace, tmp_path / "out"))
    assert isinstance(again, Completed)
    assert (again.rows, again.rejected, again.output) == (60 * 200, 0, str(tmp_path / "out"))
    workspace.store.release(LEASE, "me")


def test_a_process_ends_when_nobody_listens_and_gives_back_its_lease(
    workspace: Workspace, tmp_path: Path
) -> None:
    process = start(workspace, tmp_path / "out")
    begun(tmp_path / "out")
    assert not is_free(workspace)
    process.close()
    assert is_free(workspace)  # which it does itself
    assert not (tmp_path / "out").exists()


def test_a_process_ends_when_its_lease_is_anothers(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()
    monkeypatch.setattr(os, "killpg", lambda *_: left.set())
    monkeypatch.setattr(attempt_child, "RENEW_S", 0.01)
    ours, theirs = Pipe()
    home = str(workspace.home.path)
    asked = Asked(home=home, settings=workspace.settings, lease=LEASE, holder="me")
    assert workspace.store.acquire(LEASE, "another", workspace.clock.now_us(), LEASE_US)
    attempt_child.Watch(theirs, workspace, asked)
    assert left.wait(10)
    workspace.store.release(LEASE, "another")
    ours.close()


def test_what_cannot_be_done_is_said_in_plain_words(workspace: Workspace, tmp_path: Path) -> None:
    told = ended(start(workspace, tmp_path / "out", inputs="nothing.csv"))
    assert isinstance(told, Failed)
    assert told.error.startswith("There is no file ")
    workspace.store.release(LEASE, "me")


def settings_of(folder: Path, text: str) -> Path:
    home = folder / ".fairlead"
    home.mkdir(mode=0o700)
    (folder / "fairlead.toml").write_text(text)
    return home


NIGHTLY = """
[endpoint.churn.batch.nightly]
every = "1d"
input = ["in/*.parquet", "postgresql://me:hun/ter2@db/shop?password=hunter2"]
output = "out/{date}"
"""
AHEAD = '[endpoint.churn.batch.{}]\nevery = "1d"\ninput = "in"\nkey = "id"\n'


def test_paths_begin_where_the_settings_lie_and_no_password_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text(NIGHTLY)
    settings = load_settings(file)
    nightly = settings.endpoint["churn"].batch["nightly"]
    assert nightly.output == str(tmp_path / "out/{date}")
    assert nightly.inputs[0] == str(tmp_path / "in/*.parquet")
    assert nightly.inputs[1].startswith("postgresql://")
    shown = {name: value for name, value, _ in describe(settings)}
    assert "ter2" not in shown["endpoint.churn.batch.nightly.input"]
    assert shown["endpoint.churn.batch.nightly.every"] == "1d"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('announce = ["op"]', "there is no such channel. Did you mean 'ops'?"),
        ('announce = ["manager"]', "takes alerts alone"),
        ('evry = "1d"', "Did you mean 'endpoint.churn.batch.nightly.every'?"),
        ("retries = 100", "retries is not right"),
        ('[endpoint.churn.batch.twin]\nevery = "2d"\ninput = "in"\noutput = "out/{date}"',
         "those of another schedule"),
        (f"{AHEAD.format('gold')}{AHEAD.format('silver')}",
         "'endpoint.churn.batch.silver.key' would replace those of another schedule"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(tmp_path: Path, more: str, words: str) -> None:
    channels = (
        '\n[alerts.channel.ops]\nurl = "https://ops.example/"\n'
        '[alerts.channel.manager]\nkind = "alertmanager"\nurl = "https://m.example/"\n'
    )
    file = tmp_path / "fairlead.toml"
    file.write_text(NIGHTLY + more + channels)
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert words in str(caught.value)


def test_the_doors_of_jobs_show_them_and_take_an_order(tmp_path: Path) -> None:
    home = settings_of(tmp_path, NIGHTLY)
    with control_of(home) as control:
        (shown,) = control.ask("/v1/jobs").json["jobs"]
        assert (shown["job"], shown["every"], shown["run"]) == ("churn/nightly", "1d", None)
        assert control.ask("/v1/jobs/churn/nothing").status == 404
        assert control.ask("/v1/jobs/churn/nothing/runs", {}).status == 404
        assert control.ask("/v1/jobs/churn/nightly/runs", {}).status == 202
        assert control.ask("/v1/jobs/churn/nightly/runs", {}).status == 409
        assert control.ask("/v1/jobs/churn/nightly/runs").json["runs"] == []
        assert "hun" not in control.ask("/v1/jobs").body.decode()


PUBLISHED = """
[endpoint.churn.batch.nightly]
every = "1d"
input = "in/00.parquet"
key = "customer_id"
version = "churn:1"
workers = 1
announce = ["ops"]

[alerts.channel.ops]
url = "https://ops.example/"
"""


def test_a_schedule_with_a_key_publishes_for_look_up(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home.parent / "in", tmp_path / "in")
    (tmp_path / "fairlead.toml").write_text(PUBLISHED)
    clock = ManualClock()
    workspace = Workspace(Path(shutil.copytree(home, tmp_path / ".fairlead")), clock)
    controller, book = job_controller(workspace), workspace.job_book

    def ended() -> list[Run]:
        controller.tick()
        return [run for run in book.runs("churn/nightly") if run.ended_us is not None]

    assert not ended()
    assert workspace.tables.open("precomputed.churn") is None
    clock.advance(86_400)
    (run,) = until(ended, "its run")
    controller.close()
    assert (run.state, run.version, run.rows, run.rejected) == ("completed", "churn:1", 200, 0)
    table = workspace.tables.open("precomputed.churn")
    assert table is not None
    keys = rows_of(200, seed=1)["customer_id"]
    assert {key for key, _ in table.items()} == {str(key) for key in keys}
    (told,) = workspace.store.scan(NOTIFICATIONS)
    assert "Looked up by 'customer_id'." in told.value.message.text
    workspace.close()


def test_an_endpoint_that_serves_nothing_has_jobs_that_say_so(tmp_path: Path) -> None:
    home = settings_of(tmp_path, f"{NIGHTLY}retries = 0\n")
    workspace = Workspace(home, ManualClock())
    controller = job_controller(workspace)
    workspace.job_book.ask("churn/nightly")
    controller.tick()
    (run,) = workspace.job_book.runs("churn/nightly")
    assert run.error.startswith("No version answers the endpoint churn")
    workspace.close()


def test_what_a_process_writes_to_standard_error_is_heard(
    workspace: Workspace, tmp_path: Path
) -> None:
    absent = dataclasses.replace(JOBS, module="no_such_module")
    process = start(workspace, tmp_path / "out", speech=absent)
    heard: list[str] = []

    def listen() -> bool:
        heard.extend(process.lines())
        return any("no_such_module" in line for line in heard)

    until(listen, "its words")
    told = ended(process)
    assert isinstance(told, Failed)
    assert process.lines() == []
    workspace.store.release(LEASE, "me")


def test_a_job_is_paused_resumed_and_its_log_printed_by_commands(tmp_path: Path) -> None:
    home = settings_of(tmp_path, NIGHTLY)
    workspace = Workspace(home)
    run = narrate(Run(id="r1", slot_us=0, due_us=0, state="completed"), 0, "It begins.")
    workspace.store.commit(Put(RUNS, RUNS.key("churn/nightly", "r1"), run, None))
    workspace.close()

    def print_of(*arguments: str) -> str:
        command = ["--home", str(home), "jobs", *arguments]
        return CliRunner().invoke(cli, command, standalone_mode=False).output

    assert "is paused" in print_of("pause", "churn/nightly", "--reason", "Work.")
    assert "paused" in print_of("list")
    assert "goes on" in print_of("resume", "churn/nightly")
    assert "It begins." in print_of("log", "churn/nightly")
