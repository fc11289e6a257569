"""A Ray cluster of two nodes on loopback, and jobs on it in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import PATIENCE_S, until

CLUSTER = """
import json, os, sys
from pathlib import Path

# Where it writes its address, whatever folder it is given below.
os.environ["RAY_TMPDIR"] = sys.argv[1]
Path(sys.argv[1], "ray").mkdir(parents=True, exist_ok=True)
from ray.cluster_utils import Cluster

size = {"num_cpus": 1, "object_store_memory": 80 << 20}
cluster = Cluster(
    initialize_head=True,
    head_node_args={**size, "include_dashboard": False, "temp_dir": sys.argv[1]},
)
while True:
    node = cluster.add_node(**size)
    raylets = [each.all_processes["raylet"][0].process.pid for each in (cluster.head_node, node)]
    print(json.dumps([cluster.address, *raylets]), flush=True)
    if not sys.stdin.readline():
        break
cluster.shutdown()
"""
DRIVER = """
import json, os, sys
from pathlib import Path
import fairlead.batch.ray as engine
from fairlead.batch.manifest import Manifest
from fairlead.errors import FairleadError
from support.batch import run

home, source, output, number, after, versions, asked = sys.argv[1:]
left, commit = int(after), Manifest.commit

def deadly(*given):
    global left
    commit(*given)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), int(number))

Manifest.commit = deadly
if versions:
    engine._versions = lambda: json.loads(versions)
try:
    run(Path(home), Path(source), Path(output), engine="ray", **json.loads(asked))
except FairleadError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
OWN = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "1" * 64,
}  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    """In which Ray keeps to loopback and our own modules are found."""
    return {**os.environ, **OWN, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


class Cluster:
    """Two nodes, of which the second one can be lost and replaced."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = ""
        self.head = self.worker = 0
        self._read()

    def replace(self) -> None:
        """Add a node for one that was lost."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.address, self.head, self.worker = json.loads(self._process.stdout.readline())


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that ends with the block."""
    with short_folder() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER, str(folder)], text=True,
            env=environment(TMPDIR=str(folder)),  # what tasks that are killed leave goes with it
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Cluster(process)
        finally:
            process.communicate(timeout=PATIENCE_S)
            until(lambda: not named(folder), "the end of all nodes")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for those of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def named(folder: Path) -> list[int]:
    """Processes that were started with something in a folder."""
    return [pid for pid, line in _lines() if str(folder) in line]


def seats(raylet: int) -> list[int]:
    """Processes of a node that score."""
    found = []
    for pid, line in _lines():
        if "Seat" in line and _parent(pid) == raylet:
            found.append(pid)
    return found


def _lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                yield int(entry.name), (entry / "cmdline").read_text()
            except OSError:
                continue


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def start(
    home: Path, source: Path, output: Path, *, number: int = 0, after: int = 0,
    before: tuple[str, ...] = (), versions: str = "", tmp: Path | None = None, **asked: object,
) -> subprocess.Popen[str]:  # fmt: skip
    """Start a job on Ray.

    Args:
        home: that has the version.
        source: of its rows.
        output: where the answers go.
        number: of a signal that it sends to itself.
        after: so many chunks that it has committed.
        before: a program that starts it.
        versions: that its nodes are to have, as JSON.
        tmp: where temporary files go.
        asked: of the job.
    """
    more = {"TMPDIR": str(tmp)} if tmp else {}
    return subprocess.Popen(
        [*before, sys.executable, "-c", DRIVER, str(home), str(source), str(output),
         str(int(number)), str(after), versions, json.dumps(asked)],
        env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stopped(process: subprocess.Popen[str]) -> bool:
    """Wait until a process has stopped itself; whether it lives."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    return os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
