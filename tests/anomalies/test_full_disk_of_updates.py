"""The disk is full while an update packages its version, and then where versions are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.small_disk import needs_small_disk, on_small_disk

SETTINGS = """
[endpoint.plain.update]
train = "functions:train"
release = ""
evaluate = { holdout = "latest 25%", margin = -0.5 }
limits = { retries = 1, retry_after = "1s" }
"""
FUNCTIONS = """
from sklearn.linear_model import SGDClassifier

def train(data, previous, params):
    return SGDClassifier(loss="log_loss").fit(data[["x0", "x1"]].to_numpy(), data["label"])
"""
COURSE = """
import json, sys
from contextlib import suppress
from pathlib import Path

from fairlead.app.signals import update_signals
from fairlead.app.updating.controller import update_controller
from support.updating import add_plain, make_empty
from support.waiting import until

ground = make_empty(Path(sys.argv[1]))
add_plain(ground)
workspace, home = ground.workspace, ground.workspace.home
workspace.bundle(workspace.registry.resolve("plain:1"))
controller = update_controller(workspace)

def fill(folder):
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as out:
        while True:
            out.write(b"x" * 4096)
    return folder / "ballast"


def update():
    controller.tick()
    return workspace.update_book.updates("plain")[0]


def tell(found):
    signals = update_signals(workspace.store, workspace.clock, workspace.update_specs)
    print(json.dumps({
        "outcome": found.outcome, "error": found.error, "failures": found.failures,
        "versions": [one.name for one in workspace.registry.versions("plain")],
        "failing": [one.value for one in signals],
        "left": [name for name in ground.left_over() if name != "ballast"],
        "temporary": [path.name for path in (home.path / "blobs").rglob(".*")],
        "stable": workspace.stable("plain").name,
    }), flush=True)


def ask():
    workspace.update_book.ask("plain", "ada")
    controller.tick()


ask()
for attempt, folder in enumerate((home.cache, home.path / "blobs"), 1):
    ballast = fill(folder)
    tell(until(lambda: update().failures == attempt and update(), "its failure"))
    ballast.unlink()
ask()
tell(until(lambda: update().state == "ended" and update(), "its end"))
controller.close()
workspace.close()
"""


@needs_small_disk
@pytest.mark.slow
def test_nothing_is_half_registered_and_with_room_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text(SETTINGS)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    home = tmp_path / ".fairlead"
    small = [*on_small_disk(home / "cache", "4m"), *on_small_disk(home / "blobs", "4m")]
    ran = subprocess.run(
        [*small, sys.executable, "-c", COURSE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    packing, registering, with_room = (json.loads(line) for line in ran.stdout.splitlines())
    nothing = {"versions": ["plain:1"], "left": [], "temporary": [], "stable": "plain:1"}
    for failures, told in enumerate((packing, registering), 1):
        assert "No space left" in told["error"]
        assert str(tmp_path) not in told["error"]
        assert told["failures"] == failures
        assert told.items() >= nothing.items()
    assert packing["outcome"] is None, "it is tried again by its rule"
    assert (registering["outcome"], registering["failing"]) == ("failed", [1])
    assert (with_room["outcome"], with_room["failing"]) == ("registered", [0])
    assert with_room["versions"] == ["plain:1", "plain:2"]
