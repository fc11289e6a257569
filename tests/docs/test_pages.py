"""Every page of the documentation does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import pytest

import fairlead
from docs.pages import LANGUAGES, PAGES, ROOT, Page, name_of, read_page
from docs.player import Player
from docs.printed import lacks, lacks_json
from fairlead.app.settings import load_settings
from fairlead.cli.main import COMMANDS, cli
from support.runtime import web_runtime
from support.waiting import PATIENCE_S

HERE = Path(__file__).parent
MODULES = {path.stem for path in (ROOT / "src" / "fairlead").iterdir()}
PAGE_S_MAX = 300.0
SAID_MAX = 20_000
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@pytest.fixture(params=PAGES, ids=name_of)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def load(path: Path) -> Page:
    return read_page(path.read_text(encoding="utf-8"))


@pytest.fixture
def page(path: Path) -> Page:
    return load(path)


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    """What plays the pages."""
    player = Player(bare())
    yield player
    player.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a page runs."""
    with page_folder(tmp_path) as folder:
        yield folder


@contextmanager
def page_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a home; no platform is left running in or beside it."""
    folder = tmp_path / "page"
    (folder / ".fairlead").mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        for addresses in [*tmp_path.rglob("run/addresses.json")]:
            stop(addresses)


def stop(addresses: Path) -> None:
    """Stop a platform, if need be without asking."""
    pid, home = json.loads(addresses.read_bytes())["pid"], addresses.parent.parent
    stopped = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(home), "stop"],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    if addresses.exists():
        os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"A platform did not stop: {stopped.stderr}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody has at this moment."""
    with_ports = [socket.socket() for _ in range(count)]
    try:
        for each in with_ports:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in with_ports]
    finally:
        for each in with_ports:
            each.close()


def bare() -> dict[str, str]:
    """The environment of this process, without a home, and with this source."""
    source = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    kept = {name: value for name, value in os.environ.items() if name != "FAIRLEAD_HOME"}
    return kept | {"PYTHONPATH": source}


def environment(folder: Path, ports: list[int]) -> dict[str, str]:
    """What a page runs in: the command `fairlead`, and no home but its own."""
    bin_folder = folder.parent / "bin"
    bin_folder.mkdir()
    command = bin_folder / "fairlead"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "shim.py"}" "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return bare() | {
        "PATH": path,
        "TMPDIR": str(folder.parent),
        "DOCS_PORTS": " ".join(map(str, ports)),
    }


def said(folder: Path) -> str:
    """What blocks of a page have printed, and its platforms."""
    files = [folder.parent / "printed", *folder.rglob("run/fairlead.log")]
    return "\n".join(each.read_text()[-SAID_MAX:] for each in files if each.exists())


def play(player: Player, path: Path, page: Page, folder: Path) -> dict[int, str]:
    """Run a page's blocks; gives what each printed, by its line."""
    ports = free_ports(2)
    blocks = []
    for block in page.blocks:
        if block.runs:
            code = block.code.replace("8080", str(ports[0])).replace("8081", str(ports[1]))
            blocks.append({**asdict(block), "code": code})
    asked = {
        "name": name_of(path), "folder": str(folder), "blocks": blocks,
        "environment": environment(folder, ports),
    }  # fmt: skip
    try:
        status = player.play(asked, PAGE_S_MAX)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{said(folder)}") from error
    assert status == 0, (folder.parent / "errors").read_text()
    told = [json.loads(line) for line in (folder.parent / "printed").read_text().splitlines()]
    return {each["line"]: each["printed"] for each in told}


@pytest.mark.parametrize(
    "path", [path for path in PAGES if any(block.runs for block in load(path).blocks)], ids=name_of
)
def test_every_block_runs_and_prints_what_is_shown(
    player: Player, path: Path, page: Page, folder: Path
) -> None:
    if any("--to browser" in block.code for block in page.blocks):
        web_runtime()
    printed = play(player, path, page, folder)
    last = ""
    for block in page.blocks:
        if block.runs:
            last = printed[block.line]
        if block.output:
            missing = (lacks_json if block.language == "json" else lacks)(block.code, last)
            assert missing is None, f"{name_of(path)}:{block.line}: printed was\n{last}"


def test_every_block_is_of_a_known_kind(page: Page) -> None:
    for block in page.blocks:
        assert block.language in LANGUAGES, block
        assert block.language != "text" or block.output, f"say what prints it: {block}"


def test_data_on_pages_can_be_read(page: Page, tmp_path: Path) -> None:
    for block in page.blocks:
        if block.language == "json":
            json.loads(block.code)
        if block.language == "toml":
            file = tmp_path / "fairlead.toml"
            file.write_text(block.code)
            load_settings(file)


def test_links_lead_somewhere(path: Path, page: Page) -> None:
    for target in LINK.findall(page.prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def anchors(path: Path) -> set[str]:
    """The names under which a page's headings are reached."""
    headings = HEADING.findall(load(path).prose)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_commands_that_are_named_exist(page: Page) -> None:
    for span in page.spans:
        words = span.split()
        if words[0] != "fairlead" or len(words) == 1:
            continue
        name, *rest = shlex.split(span)[1:]
        if name.startswith("-"):
            continue
        assert name in COMMANDS, span
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        while isinstance(command, click.Group) and rest:
            command = command.get_command(click.Context(command), rest.pop(0))
            assert command is not None, span
        known = {option for param in command.params for option in param.opts} | {"--help"}
        used = {word.split("=")[0] for word in rest if word.startswith("-")}
        assert used <= known, span


def test_names_of_the_package_exist(page: Page) -> None:
    for span in page.spans:
        named = re.match(r"fairlead\.(\w+)", span)
        if named and named[1] != "toml":
            assert named[1] in (*fairlead.__all__, *MODULES), span


def test_every_page_is_found_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for target in LINK.findall(index.read_text(encoding="utf-8"))
    }
    guides = {path for path in PAGES if path.parent.name in ("docs", "guides")} - {index}
    assert guides <= linked
