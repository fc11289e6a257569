"""What every blob store promises, checked on each one that a URL can name."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from fairlead.errors import ConfigError, NotFoundError, StorageError
from fairlead.store import BLOBS, Blobs, open_blobs

URLS: dict[str, Callable[[Path], str]] = {"file": lambda folder: f"file://{folder}/blobs"}
CONTEXT = multiprocessing.get_context("spawn")
HOSTILE = (
    "", "/", "/etc/x", "..", "../x", "a/../x", "a/./x", "a//x", "a/", "a\x00b", "a\\..\\x", "~/x",
    ".hidden", "a/.hidden", "a\n", "-x", "a:b", "a*", "ü",
)  # fmt: skip


@pytest.fixture(params=sorted(BLOBS))
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return open_blobs(URLS[request.param](tmp_path))


def test_every_blob_store_is_tested() -> None:
    assert set(URLS) == set(BLOBS)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 3, os.urandom(3_000_000)], ids=len)
def test_what_was_put_is_read_back(blobs: Blobs, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").write_bytes(content)
    blobs.put("a/from-bytes", content)
    blobs.put("a/from-file", tmp_path / "source")
    assert blobs.get("a/from-bytes") == blobs.get("a/from-file") == content
    blobs.fetch("a/from-bytes", tmp_path / "new" / "folder" / "target")
    assert (tmp_path / "new" / "folder" / "target").read_bytes() == content
    assert Path(blobs.locate("a/from-bytes")).read_bytes() == content


def test_what_was_linked_is_read_back_when_its_source_is_gone(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"rows")
    blobs.put("a", b"old")
    for _ in range(2):
        blobs.link("a", tmp_path / "source")
    (tmp_path / "source").unlink()
    assert blobs.get("a") == b"rows"
    assert blobs.keys() == ["a"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]
    with pytest.raises(StorageError):
        blobs.link("b", tmp_path / "source")


def test_an_old_blob_is_replaced(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put("a", b"long before")
    blobs.put("a", b"new")
    (tmp_path / "target").write_bytes(b"old and longer")
    blobs.fetch("a", tmp_path / "target")
    assert blobs.get("a") == (tmp_path / "target").read_bytes() == b"new"
    assert blobs.keys() == ["a"]


def test_what_is_not_there_is_not_found(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put("there/file", b"x")
    for key in ("missing", "missing/deep", "there", "there/file/below"):
        with pytest.raises(NotFoundError, match=key):
            blobs.get(key)
        with pytest.raises(NotFoundError, match=key):
            blobs.fetch(key, tmp_path / "target")
        blobs.delete(key)
    assert not (tmp_path / "target").exists()
    assert blobs.get("there/file") == b"x"


def test_what_cannot_be_written_is_an_error_of_storage(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put("file", b"x")
    blobs.put("folder/file", b"x")
    for key in ("file/below", "folder", "x" * 300):
        with pytest.raises(StorageError):
            blobs.put(key, b"y")
    with pytest.raises(StorageError):
        blobs.put("a", tmp_path / "no such source")
    with pytest.raises(StorageError):
        blobs.fetch("file", tmp_path)
    assert blobs.keys() == ["file", "folder/file"]


def test_a_deleted_blob_is_gone(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    blobs.delete("a/b")
    blobs.delete("a/b")
    assert blobs.keys() == []
    with pytest.raises(NotFoundError):
        blobs.get("a/b")


@pytest.mark.parametrize("key", HOSTILE, ids=repr)
def test_no_key_leads_out_of_the_store(blobs: Blobs, tmp_path: Path, key: str) -> None:
    before = beside(tmp_path)
    (tmp_path / "x").write_bytes(b"not a blob")
    calls: list[Callable[[], object]] = [
        lambda: blobs.put(key, b"y"),
        lambda: blobs.get(key),
        lambda: blobs.fetch(key, tmp_path / "target"),
        lambda: blobs.locate(key),
        lambda: blobs.delete(key),
    ]
    for call in calls:
        with pytest.raises(StorageError, match="key of a blob"):
            call()
    assert (tmp_path / "x").read_bytes() == b"not a blob"
    assert beside(tmp_path) == before | {tmp_path / "x"}


def beside(folder: Path) -> set[Path]:
    """What lies in a folder and beside it."""
    return {*folder.rglob("*"), *folder.parent.iterdir()}


def test_keys_are_listed_by_prefix_and_in_order(blobs: Blobs) -> None:
    assert blobs.keys() == []
    for key in ("b", "a/2", "a/10", "ab/x", "a.b"):
        blobs.put(key, b"x")
    assert blobs.keys() == ["a.b", "a/10", "a/2", "ab/x", "b"]
    assert blobs.keys("a/") == ["a/10", "a/2"]
    assert blobs.keys("a/1") == ["a/10"]
    assert blobs.keys("../") == blobs.keys("%") == blobs.keys("zzz") == []


CONTENTS = tuple(bytes([letter]) * 400_000 for letter in b"abc")


def replace_for_ever(url: str, answers: Connection) -> None:
    blobs = open_blobs(url)
    while True:
        for content in CONTENTS:
            blobs.put("a/b", content)
            answers.send(None)


@pytest.mark.parametrize("scheme", sorted(set(BLOBS) & {"file"}))
def test_a_killed_writer_and_its_readers_see_whole_blobs_only(scheme: str, tmp_path: Path) -> None:
    url = URLS[scheme](tmp_path)
    blobs = open_blobs(url)
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=replace_for_ever, args=(url, theirs))
    process.start()
    for _ in range(30):
        ours.recv()
        assert blobs.get("a/b") in CONTENTS
        blobs.fetch("a/b", tmp_path / "target")
        assert (tmp_path / "target").read_bytes() in CONTENTS
    process.kill()
    process.join()
    assert blobs.get("a/b") in CONTENTS
    assert blobs.keys() == ["a/b"]


FULL_DISK = """
import resource, signal, sys
from fairlead.errors import StorageError
from fairlead.store import open_blobs
blobs = open_blobs(sys.argv[1])
blobs.put("a", b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
for key in ("a", "b"):
    try:
        blobs.put(key, b"x" * 200_000)
    except StorageError as error:
        print("refused:", error)
blobs.put("c", b"fits")
"""


def test_a_full_disk_is_told_and_leaves_the_old_blob(
    tmp_path: Path, run_python: Callable[[str, str], str]
) -> None:
    url = URLS["file"](tmp_path)
    refused = run_python(FULL_DISK, url).splitlines()
    assert len(refused) == 2
    assert all("refused: The blob" in line and "disk is full" in line for line in refused)
    blobs = open_blobs(url)
    assert (blobs.get("a"), blobs.get("c"), blobs.keys()) == (b"old", b"fits", ["a", "c"])
    assert sorted(p.name for p in (tmp_path / "blobs").iterdir()) == ["a", "c"]


@pytest.mark.parametrize("url", ["", "s3://bucket/x", "file://host/path", "/data/blobs"])
def test_a_url_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.blobs"):
        open_blobs(url)


def test_what_a_killed_process_left_half_stored_is_swept_once_it_is_old(
    blobs: Blobs, tmp_path: Path
) -> None:
    blobs.put("a/b/whole", b"x")
    before_s = time.time() - 100
    left = tmp_path / "blobs" / "a" / "b" / ".partial-0123"
    for age_s, stays in ((50, True), (200, False)):
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age_s,) * 2)
        os.utime(blobs.locate("a/b/whole"), (time.time() - 200,) * 2)
        blobs.sweep(before_s)
        assert left.exists() is stays
    assert blobs.keys() == ["a/b/whole"]
