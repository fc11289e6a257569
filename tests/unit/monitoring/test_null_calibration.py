"""The benchmark of false alarms, in small: budgets hold, and shifts are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_false_alarms_keep_to_their_budget_and_shifts_are_found(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    finished = subprocess.run(
        [sys.executable, "benchmarks/alarms.py", "--quick", "--json", str(numbers)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    reached = json.loads(numbers.read_bytes())["bars"]
    assert len(reached) == 25
    assert all(reached.values()), finished.stdout
