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
from pathlib import Path
from typing import Any

import numpy as np

from fairlead.compress.session import open_graph
from fairlead.compress.types import Cost, Feeds
from fairlead.errors import ModelError
from fairlead.runners.onnx import load_onnxruntime
from fairlead.stats import Estimate

MANY = 64
ROUNDS, ROUNDS_QUICK = 15, 3
ROUND_S, ROUND_QUICK_S = 0.004, 0.001
"""CPU time that a turn takes, about."""
RUNS_MAX = 400
COLD_S_MAX = 60.0
TAIL = 0.025

Call = Callable[[], object]


def calls_of(raw: bytes, feeds: Feeds) -> tuple[Call, Call]:
    """What answers one row and what answers many; for `times`."""
    ask = open_graph(raw)

    def call(rows: int) -> Call:
        given = {name: np.ascontiguousarray(_rows(values, rows)) for name, values in feeds.items()}
        return lambda: ask(given)

    return call(1), call(MANY)


def _rows(values: Any, rows: int) -> Any:
    return np.resize(values, (rows, *values.shape[1:])) if len(values) < rows else values[:rows]


def times(calls: Sequence[Call], *, quick: bool = False) -> list[list[float]]:
    """CPU times of one call of each, in microseconds, of each round.

    Args:
        calls: taken in turns.
        quick: whether a few rounds do.
    """
    rounds, round_s = (ROUNDS_QUICK, ROUND_QUICK_S) if quick else (ROUNDS, ROUND_S)
    repeats = [_repeats(call, round_s) for call in calls]
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, runs, taken in zip(calls, repeats, found, strict=True):
            started_s = time.thread_time()
            for _ in range(runs):
                call()
            taken.append((time.thread_time() - started_s) / runs * 1e6)
    return found


def _repeats(call: Call, round_s: float) -> int:
    for _ in range(3):  # the first ones prepare what the others use
        call()
    started_s = time.thread_time()
    call()
    took_s = max(time.thread_time() - started_s, 1e-6)
    return max(1, min(RUNS_MAX, round(round_s / took_s)))


def costs(raws: Sequence[bytes], feeds: Feeds, *, quick: bool = False) -> list[Cost]:
    """What each graph takes, measured in turns with the others."""
    both = [calls_of(raw, feeds) for raw in raws]
    one = times([each[0] for each in both], quick=quick)
    many = times([each[1] for each in both], quick=quick)
    return [
        Cost(size_bytes=len(raw), one_us=min(first), many_us=min(second))
        for raw, first, second in zip(raws, one, many, strict=True)
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
