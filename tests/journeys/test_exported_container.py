"""The recipe of an image, without an engine: it is read, and what it starts is started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from packaging.requirements import Requirement

from fairlead.app.exporting import export_version
from fairlead.app.settings import ServerSettings
from fairlead.app.supervisor import Addresses
from fairlead.app.workspace import Workspace
from fairlead.bundle import BundleInfo, RunnerSpec
from fairlead.cli.up import up_command
from fairlead.export.container import requirements
from fairlead.signature import Signature
from support.models import ROW, package_churn
from support.platform import ask
from support.waiting import PATIENCE_S, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A recipe, written by a home that is not the one it is started with."""
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    package_churn(workspace.home.path)
    yield export_version(workspace, "churn:1", "container", workspace.home.path / "image").path
    workspace.close()


def instructions(folder: Path) -> list[tuple[str, str]]:
    """Each instruction of the recipe, and what stands behind it."""
    text = re.sub(r"^#.*\n", "", (folder / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)
    ]


def only(folder: Path, wanted: str) -> str:
    """What stands behind an instruction that comes once."""
    (found,) = (rest for name, rest in instructions(folder) if name == wanted)
    return found


def health(folder: Path) -> list[str]:
    """The command by which an engine asks whether it is well."""
    command: list[str] = json.loads(only(folder, "HEALTHCHECK").partition("CMD ")[2])
    return command


@contextmanager
def started(folder: Path, home: Path) -> Iterator[Addresses]:
    """What the image starts, on loopback, from before it is ready until it has ended by itself."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    entry = folder / Path(json.loads(only(folder, "ENTRYPOINT"))[0]).name
    with (home.parent / "log").open("ab") as log:
        process = subprocess.Popen(
            [entry, "--port=0", "--control-port=0", "--workers=1"],
            env={**os.environ, "PATH": programs, "FAIRLEAD_HOME": str(home)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        addresses = until(lambda: _addresses(process, home), "addresses")
        until(lambda: well(folder, addresses), "health")
        yield addresses
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (home.parent / "log").read_text()
    finally:
        process.kill()
        process.wait()


def _addresses(process: subprocess.Popen[bytes], home: Path) -> Addresses | None:
    assert process.poll() is None, (home.parent / "log").read_text()
    try:
        raw = (home / "run" / "addresses.json").read_bytes()
    except FileNotFoundError:
        return None
    addresses = msgspec.json.decode(raw, type=Addresses)
    return addresses if addresses.pid == process.pid else None


def well(folder: Path, addresses: Addresses) -> bool:
    """What the recipe's health check finds, of the port that it runs on here."""
    program, flag, code = health(folder)
    assert (program, flag) == ("python", "-c")
    here = code.replace("http://127.0.0.1:8080", addresses.api)
    assert here != code
    done = subprocess.run(
        [sys.executable, flag, here], capture_output=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode == 0


def test_what_it_starts_answers_and_goes_on_with_the_same_home(
    folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "state"
    answers: list[Any] = []
    path = "/v1/endpoints/churn/predict"
    for _ in range(2):
        with started(folder, home) as addresses:
            until(lambda: ask(addresses.api, path, {"rows": [ROW]}).status == 200, "an answer")
            reply = ask(addresses.api, path, {"rows": [ROW]})
            (answer,) = msgspec.json.decode(reply.body)["predictions"]
            answers.append((answer["version"], answer["label"], answer["probabilities"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == "churn:1"
    assert not well(folder, addresses)
    assert {path.name for path in folder.iterdir()} == {
        "Containerfile", "churn.fairlead", "requirements.txt", "start.sh",
    }  # fmt: skip


def test_it_runs_as_nobody_special_with_its_state_outside(folder: Path) -> None:
    names = [name for name, _ in instructions(folder)]
    assert only(folder, "USER") not in ("root", "0")
    assert (
        f"useradd --uid 10001 --create-home {only(folder, 'USER')}"
        in dict(reversed(instructions(folder)))["RUN"]
    )
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert only(folder, "ENV") == f"FAIRLEAD_HOME={only(folder, 'VOLUME')}"
    assert only(folder, "WORKDIR") == str(Path(json.loads(only(folder, "ENTRYPOINT"))[0]).parent)
    assert os.access(folder / "start.sh", os.X_OK)


def test_it_is_reached_where_the_platform_listens(folder: Path) -> None:
    server = ServerSettings()
    assert only(folder, "EXPOSE") == f"{server.port} {server.control_port}"
    assert f":{server.port}/health/ready" in health(folder)[2]
    given = up_command.make_context("up", json.loads(only(folder, "CMD"))).params
    assert (given["host"], given["insecure"]) == ("0.0.0.0", True)


def test_the_image_has_the_python_and_the_libraries_of_the_version(folder: Path) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert only(folder, "FROM") == f"docker.io/library/python:{here}-slim"
    lines = (folder / "requirements.txt").read_text().splitlines()
    wanted = {one.name: str(one.specifier) for one in map(Requirement, lines)}
    assert wanted.keys() == {"fairlead", "numpy", "onnxruntime"}
    assert all(pin.startswith("==") for pin in wanted.values())
    assert "--requirement requirements.txt" in instructions(folder)[4][1]


def test_models_that_are_no_graph_bring_what_they_were_made_with() -> None:
    info = BundleInfo(
        name="net",
        created_us=0,
        framework="torch",
        signature=Signature(inputs=(), outputs=()),
        runner=RunnerSpec(kind="torch", path="model.pt2"),
        environment={"python": "3.13.1", "numpy": "2.4.6", "torch": "2.13.0+cpu"},
    )
    ours, *others = requirements(info)
    assert ours.startswith("fairlead[torch]==")
    assert others == ["numpy==2.4.6", "torch==2.13.0"]
