"""What a graph takes: bytes, CPU time of its one thread, and a process that starts with it.

Times are CPU times of the calling thread, in which onnxruntime runs with one thread, so that what
else the machine does counts little; of several graphs they are taken in turns, again and again.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fairlead.compress.session import open_graph
from fairlead.compress.types import Cost, Feeds
from fairlead.errors import ModelError
from fairlead.runners.onnx import load_onnxruntime
from fairlead.runners.types import Runner
from fairlead.signature import Batch
from fairlead.stats import Estimate

MANY = 64
ROUNDS, ROUNDS_QUICK = 15, 3
ROUND_S, ROUND_QUICK_S = 0.004, 0.001
"""CPU time that a turn takes, about."""
RUNS_MAX = 400
COLD_S_MAX = 60.0
TAIL = 0.025

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timed:
    """What is timed.

    Args:
        one: answers one row.
        many: answers 64.
        cpu_s: the CPU time that whoever answers has taken so far.
    """

    one: Call
    many: Call
    cpu_s: Callable[[], float] = time.thread_time


def timed_graph(raw: bytes, feeds: Feeds) -> Timed:
    """A graph in onnxruntime, on the calling thread."""
    ask = open_graph(raw)

    def call(rows: int) -> Call:
        given = {name: np.ascontiguousarray(_rows(values, rows)) for name, values in feeds.items()}
        return lambda: ask(given)

    return Timed(call(1), call(MANY))


def timed_runner(runner: Runner, rows: Batch) -> Timed:
    """Whatever else executes a model; of one with a process of its own, that process too."""
    one, many = (rows.take(np.arange(count) % rows.rows) for count in (1, MANY))
    process = runner.process_id()
    return Timed(lambda: runner.predict(one), lambda: runner.predict(many), _clock_of(process))


def _clock_of(process: int) -> Callable[[], float]:
    if not process or not sys.platform.startswith("linux"):
        return time.process_time
    # Linux names the clock of another process's CPU time so; see clock_getcpuclockid(3).
    clock = (~process << 3) | 2
    return lambda: time.process_time() + time.clock_gettime(clock)


def _rows(values: Any, rows: int) -> Any:
    return np.resize(values, (rows, *values.shape[1:])) if len(values) < rows else values[:rows]


def times(timed: Sequence[Timed], *, many: bool, quick: bool = False) -> list[list[float]]:
    """CPU times of one answer of each, in microseconds, of each round.

    Args:
        timed: taken in turns.
        many: whether 64 rows are answered at once, or one.
        quick: whether a few rounds do.
    """
    rounds, round_s = (ROUNDS_QUICK, ROUND_QUICK_S) if quick else (ROUNDS, ROUND_S)
    calls = [(each.many if many else each.one, each.cpu_s) for each in timed]
    repeats = [_repeats(call, cpu_s, round_s) for call, cpu_s in calls]
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for (call, cpu_s), runs, taken in zip(calls, repeats, found, strict=True):
            started_s = cpu_s()
            for _ in range(runs):
                call()
            taken.append((cpu_s() - started_s) / runs * 1e6)
    return found


def _repeats(call: Call, cpu_s: Callable[[], float], round_s: float) -> int:
    for _ in range(3):  # the first ones prepare what the others use
        call()
    started_s = cpu_s()
    call()
    took_s = max(cpu_s() - started_s, 1e-6)
    return max(1, min(RUNS_MAX, round(round_s / took_s)))


def costs(sizes: Sequence[int], timed: Sequence[Timed], *, quick: bool = False) -> list[Cost]:
    """What each takes, measured in turns with the others."""
    one = times(timed, many=False, quick=quick)
    many = times(timed, many=True, quick=quick)
    return [
        Cost(size_bytes=size, one_us=min(first), many_us=min(second))
        for size, first, second in zip(sizes, one, many, strict=True)
    ]


def ratio(original: Sequence[float], form: Sequence[float]) -> Estimate:
    """How many times as long the original takes: the median of rounds.

    The interval lies between those rounds that hold a median with 95 %, whatever the times are
    distributed like.

    Example:
        >>> ratio([2.0] * 9, [1.0] * 9)
        Estimate(value=2.0, low=2.0, high=2.0)
    """
    found = np.sort(np.asarray(original) / np.asarray(form))
    outside = _outside(len(found))
    return Estimate(float(np.median(found)), float(found[outside]), float(found[-1 - outside]))


def _outside(rounds: int) -> int:
    """How many rounds may be left out at each end: a median lies beyond them once in forty."""
    chance, below, outside = 0.5**rounds, 0.0, 0
    for place in range(rounds // 2):
        below += chance
        if below > TAIL:
            break
        outside, chance = place, chance * (rounds - place) / (place + 1)
    return outside


def cold_start(raw: bytes, feeds: Feeds) -> dict[str, float]:
    """What a new process takes that loads a graph and answers one row.

    Returns:
        `cpu_ms`, from its start to the first answer; `load_ms` of these, for graph and answer;
        `memory_mb`, the most that it held.

    Raises:
        ModelError: it did not answer.
    """
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        path = Path(folder)
        (path / "model.onnx").write_bytes(raw)
        given = {name: _rows(values, 1) for name, values in feeds.items()}
        plain = {n: v.astype(str) if v.dtype.kind == "O" else v for n, v in given.items()}
        np.savez(path / "feeds.npz", **plain)
        command = [sys.executable, "-m", "fairlead.compress.cold_child", folder]
        source = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        try:
            done = subprocess.run(  # noqa: S603 - this interpreter and a module of ours
                command, capture_output=True, check=True, timeout=COLD_S_MAX,
                env=os.environ | {"PYTHONPATH": paths}, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            found: dict[str, float] = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise ModelError(f"A new process did not answer ({type(error).__name__}).") from None
    return found


def measured_on() -> dict[str, str]:
    """The processor, and the version of what runs graphs."""
    return {"processor": _processor(), "onnxruntime": str(load_onnxruntime().__version__)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    return named.get("model name") or platform.processor() or platform.machine()
