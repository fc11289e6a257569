"""Counters in mapped files: kept when their process dies, summed once, exposed as they are."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.locks import is_held
from fairlead.serving.counters import Counters
from fairlead.telemetry import MetricsFile, Sample, expose, fold, read
from fairlead.telemetry import fold as fold_module
from fairlead.telemetry.file import read_file
from fairlead.telemetry.types import Series
from support.small_disk import needs_small_disk, on_small_disk
from support.waiting import until

fold_file = sys.modules["fairlead.telemetry.fold"]


def values(folder: Path) -> dict[str, tuple[float, ...]]:
    return {sample.series.name: sample.values for sample in read(folder)}


def counted(folder: Path, name: str, amount: float) -> None:
    """A process that counted and ended."""
    file = MetricsFile(folder / f"{name}.metrics")
    file.counter("hits_total").add(amount)
    file.close()


def test_counters_and_histograms_are_in_the_file_at_once(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "a.metrics")
    file.counter("hits_total", door="front").add(2)
    file.counter("hits_total", door="front").add(1)
    histogram = file.histogram("seconds", (0.1, 1.0))
    for value in (0.1, 0.11, 5.0):
        histogram.observe(value)
    hits, seconds = read_file(tmp_path / "a.metrics")
    assert (hits.series.labels, hits.values) == ((("door", "front"),), (3.0,))
    assert seconds.values[:3] == (1.0, 1.0, 1.0)
    assert seconds.values[3] == pytest.approx(5.21)


def test_what_a_killed_process_counted_is_kept(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from fairlead.telemetry import MetricsFile\n"
        "counter = MetricsFile(pathlib.Path(sys.argv[1])).counter('hits_total')\n"
        "for _ in range(1000): counter.add(1)\n"
        "print('counted', flush=True)\n"
        "while True: counter.add(0)\n"
    )
    path = tmp_path / "w.metrics"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == b"counted\n"
        assert is_held(path)
        fold(tmp_path)
        assert path.exists(), "a living process keeps its file"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not is_held(path)
    assert values(tmp_path) == {"hits_total": (1000.0,)}
    fold(tmp_path)
    assert not path.exists()
    assert values(tmp_path) == {"hits_total": (1000.0,)}


def test_folding_again_and_again_changes_nothing(tmp_path: Path) -> None:
    for place in range(3):
        counted(tmp_path, f"w{place}", 1.0)
        fold(tmp_path)
        fold(tmp_path)
        assert values(tmp_path) == {"hits_total": (place + 1.0,)}
    assert not list(tmp_path.glob("*.metrics"))


def test_an_interrupted_fold_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(tmp_path, "a", 1.0)
    counted(tmp_path, "b", 2.0)
    with monkeypatch.context() as patch:

        def dies(self: Path, missing_ok: bool = False) -> None:
            raise KeyboardInterrupt

        patch.setattr(Path, "unlink", dies)
        with pytest.raises(KeyboardInterrupt):
            fold(tmp_path)
    assert len(list(tmp_path.glob("*.metrics"))) == 2, "it was interrupted before the end"
    assert values(tmp_path) == {"hits_total": (3.0,)}
    counted(tmp_path, "c", 4.0)
    fold(tmp_path)
    assert values(tmp_path) == {"hits_total": (7.0,)}
    assert not list(tmp_path.glob("*.metrics"))


def test_a_fold_that_dies_before_its_total_is_written_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(tmp_path, "a", 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            fold(tmp_path)
    assert values(tmp_path) == {"hits_total": (1.0,)}


def test_a_file_is_never_seen_before_its_process_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another process that starts at the same time would fold it away."""
    locking = fcntl.flock

    def between(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            monkeypatch.setattr(fcntl, "flock", locking)
            fold(tmp_path)
        locking(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", between)
    file = MetricsFile(tmp_path / "a.metrics")
    file.counter("hits_total").add(5)
    assert values(tmp_path) == {"hits_total": (5.0,)}
    fold(tmp_path)
    assert values(tmp_path) == {"hits_total": (5.0,)}


def test_a_scrape_during_a_fold_sees_no_counter_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(tmp_path, "a", 5.0)
    reading = fold_file._read_total
    folded = threading.Event()

    def then_folds(folder: Path) -> object:
        total = reading(folder)
        if not folded.is_set():
            folded.set()
            fold_module(tmp_path)
        return total

    monkeypatch.setattr(fold_file, "_read_total", then_folds)
    assert values(tmp_path) == {"hits_total": (5.0,)}


def test_a_full_file_costs_no_more_and_what_fits_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.telemetry.file.NUMBERS_MAX", 10)
    file = MetricsFile(tmp_path / "a.metrics")
    counters = [file.counter("hits_total", door=str(place)) for place in range(20)]
    for counter in counters:
        counter.add(1)
    assert len(read_file(tmp_path / "a.metrics")) == 10
    assert file.counter("hits_total", door="3") is not counters[3]
    file.counter("hits_total", door="3").add(1)
    assert sum(sample.values[0] for sample in read(tmp_path)) == 11


@needs_small_disk
def test_a_full_disk_kills_no_process_that_counts(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from fairlead.telemetry import MetricsFile, read\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "file = MetricsFile(folder / 'a.metrics')\n"
        "for place in range(5000):\n"
        "    file.counter('hits_total', door=str(place)).add(1)\n"
        "print(len(read(folder)))\n"
    )
    command = [*on_small_disk(tmp_path, "64k"), sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert 0 < int(ended.stdout) < 5000


def test_thousands_of_arms_are_exposed(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "a.metrics")
    edges = tuple(float(edge) for edge in range(21))
    for place in range(5000):
        labels = {"endpoint": f"endpoint-{place}", "version": f"endpoint-{place}:1"}
        for name in ("wait_seconds", "model_seconds", "batch_rows"):
            file.histogram(name, edges, **labels).observe(1.0)
    assert len(read_file(tmp_path / "a.metrics")) == 15_000
    assert (tmp_path / "a.metrics").stat().st_blocks * 512 < 16_000_000


def test_a_file_of_another_size_tells_nothing_and_is_cleared_away(tmp_path: Path) -> None:
    counted(tmp_path, "a", 3.0)
    counted(tmp_path, "b", 4.0)
    os.truncate(tmp_path / "a.metrics", 1 << 20)
    assert values(tmp_path) == {"hits_total": (4.0,)}
    fold(tmp_path)
    assert not list(tmp_path.glob("*.metrics"))
    assert values(tmp_path) == {"hits_total": (4.0,)}


def test_ten_thousand_arms_have_room(tmp_path: Path) -> None:
    counters = Counters(MetricsFile(tmp_path / "a.metrics"))
    for place in range(10_000):
        counters.arm(f"endpoint-{place}", f"endpoint-{place}:12", "stable")
    counters.versions({f"endpoint-{place}:12": place for place in range(10_000)})
    found = [sample.series for sample in read(tmp_path)]
    last = {series.name for series in found if ("version", "endpoint-9999:12") in series.labels}
    first = {series.name for series in found if ("version", "endpoint-0:12") in series.labels}
    assert last == first
    assert "fairlead_version_memory_bytes" in last


def test_a_name_that_was_half_written_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.metrics"
    counted(tmp_path, "a", 3.0)
    with path.open("r+b") as raw:
        head = raw.read(4096).partition(b"\0")[0]
        raw.seek(len(head))
        raw.write(b'{"name":"torn_to')
    assert values(tmp_path) == {"hits_total": (3.0,)}


LINE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def parse(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read an exposition back, by the rules of the format."""
    found = {}
    for line in text.removesuffix("\n").split("\n"):
        if not line.startswith("#"):
            match = LINE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            pairs = tuple(
                (key, re.sub(r"\\.", lambda m: ESCAPES[m.group()], raw))
                for key, raw in LABEL.findall(labels or "")
            )
            found[name, pairs] = float(value)
    return found


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
                min_size=1, max_size=5, unique=True),
       st.floats(0, 1e15))  # fmt: skip
def test_an_exposition_is_read_back_as_it_was_whatever_labels_hold(
    labels: list[str], value: float
) -> None:
    samples = [Sample(Series("hits_total", (("of", label),)), (value,)) for label in labels]
    assert parse(expose(samples)) == {("hits_total", (("of", label),)): value for label in labels}


def test_a_histogram_is_exposed_with_rising_buckets_sum_and_count() -> None:
    samples = [Sample(Series("wait_seconds", (("of", "a"),), (0.1, 1.0)), (2.0, 3.0, 1.0, 7.5))]
    text = expose(samples)
    assert "# TYPE wait_seconds histogram" in text
    got = {(name, dict(labels).get("le")): value for (name, labels), value in parse(text).items()}
    assert got == {
        ("wait_seconds_bucket", "0.1"): 2,
        ("wait_seconds_bucket", "1.0"): 5,
        ("wait_seconds_bucket", "+Inf"): 6,
        ("wait_seconds_sum", None): 7.5,
        ("wait_seconds_count", None): 6,
    }


def test_counters_of_several_processes_are_one_sum(tmp_path: Path) -> None:
    files = [MetricsFile(tmp_path / f"{name}.metrics") for name in "ab"]
    for file in files:
        file.counter("hits_total").add(2)
    counted(tmp_path, "dead", 3.0)
    until(lambda: values(tmp_path) == {"hits_total": (7.0,)}, "the sum")


def test_of_a_time_the_latest_counts_also_when_its_process_is_gone(tmp_path: Path) -> None:
    for name, time_s in (("a", 5.0), ("b", 7.0), ("c", 6.0)):
        file = MetricsFile(tmp_path / f"{name}.metrics")
        file.latest("asked_time_seconds").set(time_s)
        if name != "c":
            file.close()
    assert values(tmp_path) == {"asked_time_seconds": (7.0,)}
    fold(tmp_path)
    assert values(tmp_path) == {"asked_time_seconds": (7.0,)}
    assert "# TYPE asked_time_seconds gauge\nasked_time_seconds 7\n" in expose(read(tmp_path))
