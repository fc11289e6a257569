"""What processes tell: whole lines in either form, never at the price of waiting or failing."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead import logs

PIPE_BYTES = 65_536


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test configures this process; none after it shall notice."""
    for name in (logs.FORMAT_NAME, logs.LEVEL_NAME):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    handlers = logging.root.handlers[:]
    logs.configure_logs("test")
    yield
    logging.root.handlers[:] = handlers
    logging.captureWarnings(capture=False)
    logs.configure_logs("fairlead")


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def raised(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_people_read_text(capfd: pytest.CaptureFixture[str]) -> None:
    logs.tell("error", "process_died", "worker-0 died.", child="worker-0")
    logs.tell_error("tick_failed", raised("of this"))
    first, second, *_, last = capfd.readouterr().err.splitlines()
    assert first == "fairlead: worker-0 died."
    assert second == "Traceback (most recent call last):"
    assert last == "ValueError: of this"


def test_programs_read_json(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs("worker-3", "json")
    logs.tell("info", "ready", "It is ready.", endpoint="churn", version=None)
    logs.tell_error("model_failed", raised("of this"), trace_id="ab")
    told, failed = lines(capfd)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "info", "process": "worker-3", "pid": os.getpid(), "event": "ready",
        "message": "It is ready.", "endpoint": "churn",
    }  # fmt: skip
    assert failed["error"] == "ValueError"
    assert failed["message"] == "ValueError: of this"
    assert failed["trace_id"] == "ab"
    assert failed["traceback"].startswith("Traceback")


@pytest.mark.parametrize(
    ("form", "level", "told"),
    [
        ("text", None, ["warning", "error"]),
        ("json", None, ["info", "warning", "error"]),
        ("text", "debug", ["debug", "info", "warning", "error"]),
        ("json", "error", ["error"]),
    ],
)
def test_what_is_less_than_the_level_is_not_told(
    form: logs.Format, level: logs.Level | None, told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure_logs("test", form, level)
    assert [each for each in logs.LEVELS if logs.is_told(each)] == told
    for each in logs.LEVELS:
        logs.tell(each, "event", each)
    assert len(capfd.readouterr().err.splitlines()) == len(told)


@settings(max_examples=60)
@given(
    message=st.text(),
    fields=st.dictionaries(st.sampled_from(["endpoint", "trace_id", "ids"]), st.text() | st.none()),
)
def test_an_event_is_one_line_that_a_pipe_takes_whole_whatever_it_holds(
    message: str, fields: dict[str, Any]
) -> None:
    line = logs._json("info", "event", message * 40, {"traceback": message * 90, **fields})
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    assert len(line.encode()) <= logs.LINE_BYTES_MAX * 4
    assert json.loads(line)["event"] == "event"


def test_a_long_traceback_keeps_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs("test", "json")
    logs.tell_error("model_failed", raised("x" * 10_000 + "the end"))
    (line,) = lines(capfd)
    assert line["traceback"].endswith("the end\n")
    assert line["traceback"].startswith("…")


def test_other_libraries_and_faults_speak_json_too(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs("test", "json")
    logging.getLogger("uvicorn.error").warning("it is %s", "late")
    logging.getLogger("quiet").info("nobody asked")
    thread = threading.Thread(target=lambda: 1 / 0, name="sum")
    thread.start()
    thread.join()
    sys.excepthook(ValueError, raised("the end"), None)
    library, in_thread, process = lines(capfd)
    assert (library["event"], library["message"]) == ("library", "it is late")
    assert (in_thread["error"], in_thread["thread"]) == ("ZeroDivisionError", "sum")
    assert process["event"] == "process_failed"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in lines(capfd)[0]["message"]


def test_a_process_tells_as_the_one_that_started_it() -> None:
    logs.configure_logs("supervisor", "json", "debug")
    code = (
        "from fairlead.logs import inherit_logs, tell; inherit_logs('worker-0'); "
        "tell('debug', 'hello', 'Hello.')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["process"] == "worker-0"


class Pipe:
    """A pipe as standard error, that nobody reads yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out, into = os.pipe()
        fcntl.fcntl(self.out, fcntl.F_SETFL, os.O_NONBLOCK)
        self.stream = os.fdopen(into, "w")
        monkeypatch.setattr(sys, "stderr", self.stream)

    def read(self) -> str:
        found = b""
        try:
            while more := os.read(self.out, PIPE_BYTES):
                found += more
        except BlockingIOError:
            pass
        return found.decode()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_full_pipe_costs_lines_and_no_time(
    form: logs.Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure_logs("test", form)
    pipe = Pipe(monkeypatch)
    started_s = time.monotonic()
    for place in range(200):
        logs.tell("error", "flood", f"{place} " + "x" * 2000)
    assert time.monotonic() - started_s < 5.0
    read = pipe.read().splitlines()
    assert 0 < len(read) < 200
    assert all(line.startswith("{" if form == "json" else "fairlead: ") for line in read)
    logs.tell("error", "after", "the last")
    told, last = pipe.read().splitlines()
    assert f"{200 - len(read)} lines before this could not be written." in told
    assert "the last" in last
    monkeypatch.undo()
    pipe.stream.close()
    os.close(pipe.out)


def test_a_pipe_without_a_reader_and_a_closed_file_are_no_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, into = os.pipe()
    os.close(out)
    with os.fdopen(into, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.tell("error", "lost", "nobody reads this")
    logs.tell("error", "lost", "the file is closed")
    monkeypatch.setattr(sys, "stderr", None)
    logs.tell("error", "lost", "there is none")
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.tell("error", "kept", "this is read")
    assert "this is read" in (tmp_path / "log").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.tell("error", "lost", "the disk is full")
