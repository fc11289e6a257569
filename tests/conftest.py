"""What several tests need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from support.browser import chromium
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What tests load onnxruntime by themselves reports to nobody, as what Fairlead loads does not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Tests start many hundred processes, and each would compile the package anew where an environment
# forbids to keep bytecode, as those of containers like to.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Tests that run at a time have more threads than there are cores: they shall wait asleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A test that waits for its turn on a busy machine is not wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def run_python(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """Runs code in another process, which can import the test's module; gives its output."""
    folder = Path(request.path).parent

    def run(code: str, argument: str) -> str:
        path = os.pathsep.join([str(folder), *filter(None, sys.path)])
        finished = subprocess.run(
            [sys.executable, "-c", code, argument],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run
