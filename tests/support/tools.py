"""Programs of the Prometheus project, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.waiting import PATIENCE_S


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test, with the reason, where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(
        bool(missing),
        reason=f"{' and '.join(missing)} not installed (Debian: prometheus, "
        "prometheus-alertmanager)",
    )


def promtool(*arguments: str | Path, given: str = "") -> None:
    """Run promtool; it must be content, and have nothing to remark."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)],
        input=given, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
