"""Tables on a whole platform: read by a process that lives no longer than it is needed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.models import package_churn
from support.platform import Platform
from support.reply import Reply
from support.waiting import until

CSV = {"content-type": "text/csv", "accept": "text/csv"}
PREDICT = "/v1/endpoints/churn/predict"


def ask(platform: Platform) -> Reply:
    return platform.api(f"{PREDICT}?unit=who", b"age,visits,plan,who\n42.5,3,pro,7\n", headers=CSV)


def children(worker: int) -> list[int]:
    """The processes of a worker that read tables."""
    task = Path(f"/proc/{worker}/task")
    found = [int(pid) for name in task.glob("*/children") for pid in name.read_text().split()]
    return [pid for pid in found if b"serving.tables" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
def test_a_table_is_read_by_a_process_that_ends_with_its_worker(tmp_path: Path) -> None:
    package_churn(tmp_path / ".fairlead")
    with Platform(tmp_path / ".fairlead", "churn:1", "--workers=1") as platform:
        assert ask(platform).body.startswith(b"id,version,arm,label,probabilities_")
        (worker,) = [found["pid"] for found in platform.workers()]
        (child,) = children(worker)
        os.kill(worker, signal.SIGKILL)
        until(lambda: is_gone(child), "the end of the orphan")
        until(platform.ready, "another worker")
        assert ask(platform).status == 200
        (worker,) = [found["pid"] for found in platform.workers() if found["pid"] != worker]
        (child,) = children(worker)
    assert is_gone(child)
