"""The runtime of browsers: fetched when somebody asks, checked, and kept for all exports."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli.main import cli
from fairlead.errors import ConfigError, UnavailableError
from fairlead.export.browser import fetch, fetch_runtime, find_runtime, runtime

MODULE, BINARY = b"export const env = {};", b"\0asm"
PATH = f"/{runtime.PACKAGE}/-/{runtime.PACKAGE}-{runtime.VERSION}.tgz"


def archive() -> bytes:
    """A package's archive as npm packs it, with more in it than is taken."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for name, content in {
            f"dist/{runtime.MODULE}": MODULE,
            f"dist/{runtime.BINARY}": BINARY,
            "dist/ort.all.js": b"more",
            "package.json": b"{}",
        }.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@contextmanager
def registry(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A registry on loopback; gives its address, and the paths that were asked for."""
    asked: list[str] = []

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == PATH else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    return tmp_path / "fairlead" / f"{runtime.PACKAGE}-{runtime.VERSION}"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An archive that is taken for the one of the version."""
    content = archive()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    monkeypatch.setattr(fetch, "INTEGRITY", digest)
    monkeypatch.setitem(runtime.DIGESTS, runtime.MODULE, hashlib.sha256(MODULE).hexdigest())
    monkeypatch.setitem(runtime.DIGESTS, runtime.BINARY, hashlib.sha256(BINARY).hexdigest())
    return content


def test_it_is_fetched_once_and_kept_with_its_licence(cache: Path, package: bytes) -> None:
    with registry(package) as (url, asked):
        assert fetch_runtime(url) == fetch_runtime(f"{url}/") == cache
    assert asked == [PATH]
    assert sorted(path.name for path in cache.iterdir()) == sorted(
        ["LICENSE", runtime.BINARY, runtime.MODULE]
    )
    assert "Microsoft" in (cache / "LICENSE").read_text()
    assert find_runtime() == find_runtime(cache) == runtime.Runtime(MODULE, BINARY)


def test_the_command_asks_the_registry_that_npm_is_set_to(
    cache: Path, package: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry(package) as (url, asked):
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", url)
        done = CliRunner().invoke(cli, ["export", "--fetch-runtime"])
    assert (done.exit_code, done.output) == (0, f"The runtime is in {cache}.\n")
    assert asked == [PATH]


def test_npm_is_asked_for_the_registry_that_nobody_named(
    cache: Path, package: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with registry(package) as (url, asked):
        npm = tmp_path / "npm"
        npm.write_text(f"#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo {url}/\n")
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert fetch_runtime() == cache
    assert asked == [PATH]


def test_where_there_is_no_npm_a_registry_must_be_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="not known") as told:
        fetch_runtime()
    assert "--registry" in told.value.hint
    assert not cache.exists()


def test_another_archive_is_refused_and_nothing_of_it_kept(cache: Path) -> None:
    with registry(archive()) as (url, _), pytest.raises(ConfigError, match="its digest is another"):
        fetch_runtime(url)
    assert not cache.exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://"])
def test_a_registry_that_is_not_reached_is_told(address: str) -> None:
    with pytest.raises(UnavailableError, match="does not give") as told:
        fetch_runtime(address)
    assert "--registry" in told.value.hint


def test_a_registry_that_has_it_not_is_told() -> None:
    with registry(b"") as (url, _), pytest.raises(UnavailableError, match="HTTPError"):
        fetch_runtime(f"{url}/elsewhere")


def test_a_file_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of http"):
        fetch_runtime(tmp_path.as_uri())


def test_without_it_an_export_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match="runtime is not there") as told:
        find_runtime()
    assert "--fetch-runtime" in told.value.hint


def test_files_of_another_version_are_not_taken(tmp_path: Path) -> None:
    for name in runtime.DIGESTS:
        (tmp_path / name).write_bytes(b"older")
    with pytest.raises(ConfigError, match=f"is not that of {runtime.PACKAGE} {runtime.VERSION}"):
        find_runtime(tmp_path)
