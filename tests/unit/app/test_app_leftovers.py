"""What killed processes leave behind goes, and nothing else does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fairlead.app.leftovers import AGE_S, SWEEP_S, Leftovers
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock

LEFT = (
    "blobs/bundles/.partial-0123",
    "cache/.partial-0123",
    "cache/package-abc/bundle/model.onnx",
    "cache/import-abc/.bundle-0123/manifest",
    f"cache/.{'a' * 64}-{'0' * 32}/manifest",
    f"cache/{'a' * 64}-{'0' * 32}.fairlead",
    "journals/worker-0-1.new",
    f"keys/.{'0' * 32}",
    f"metrics/.{'0' * 32}",
    f"run/.{'0' * 32}",
)
KEPT = (
    "blobs/bundles/whole",
    f"cache/{'a' * 64}/manifest",
    "journals/worker-0-1.journal",
    "journals/worker-0-2.damaged",
    "keys/signing.key",
    "keys/trusted/0123",
    "metrics/.lock",
    "metrics/total.json",
    "run/lock",
    "run/fairlead.log",
    "store.db",
)


def write(home: Path, names: tuple[str, ...], time_s: float) -> None:
    for name in names:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for path in home.rglob("*"):
        os.utime(path, (time_s, time_s))


def files(home: Path) -> set[str]:
    return {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}


def test_what_is_old_and_unfinished_is_removed_and_all_else_stays(tmp_path: Path) -> None:
    clock = ManualClock()
    written_s = clock.now_us() / 1e6
    write(tmp_path, LEFT + KEPT, written_s)
    clock.advance(AGE_S - 1)
    Leftovers(Workspace(tmp_path, clock)).tick()
    assert files(tmp_path) == {*LEFT, *KEPT}
    clock.advance(2)
    Leftovers(Workspace(tmp_path, clock)).tick()
    assert files(tmp_path) == set(KEPT)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"a" * 64}


def test_a_folder_that_is_still_written_to_is_in_the_making(tmp_path: Path) -> None:
    clock = ManualClock(round(time.time() * 1e6))
    names = ("cache/package-abc/bundle/model.onnx", "cache/package-abc/bundle/receipt.json")
    write(tmp_path, names, clock.now_us() / 1e6 - 2 * AGE_S)
    (tmp_path / names[1]).write_bytes(b"more")
    Leftovers(Workspace(tmp_path, clock)).tick()
    assert files(tmp_path) == set(names)


def test_it_looks_when_it_starts_and_then_once_an_hour(tmp_path: Path) -> None:
    clock = ManualClock()
    leftovers = Leftovers(Workspace(tmp_path, clock))
    leftovers.tick()
    write(tmp_path, LEFT, clock.now_us() / 1e6 - 2 * AGE_S)
    leftovers.tick()
    assert files(tmp_path) == set(LEFT)
    clock.advance(SWEEP_S + 1)
    leftovers.tick()
    assert files(tmp_path) == set()
