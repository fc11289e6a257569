"""What a node of a cluster does with chunks, and what an engine on Ray asks for, without Ray."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from fairlead.app.workspace import Workspace
from fairlead.batch import RayEngine, connect
from fairlead.batch.connect import OWN, QUIET
from fairlead.batch.engine import Done, Failed
from fairlead.batch.find import find_files
from fairlead.batch.inspect import inspect_file
from fairlead.batch.node import MARK, TRIES_MAX, Asked, Node, Reply
from fairlead.batch.score import PART, Work, scratch_file
from fairlead.batch.types import Chunk
from fairlead.errors import ConfigError
from support.batch import rows_of

encode = msgspec.msgpack.encode


@pytest.fixture
def chunk(tmp_path: Path) -> Chunk:
    rows_of(40).write_parquet(tmp_path / "in.parquet")
    file = inspect_file(find_files([str(tmp_path / "in.parquet")])[0], None, 1 << 20)
    return Chunk(number=7, file=file, piece=file.pieces[0], part="in.parquet", seed=("a",))


@pytest.fixture
def asked(home: Path, tmp_path: Path) -> Asked:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / MARK).write_text("this job")
    space = Workspace(home)
    version = space.registry.resolve("churn:1")
    bundle = str(space.bundle(version).path)
    space.close()
    work = Work(
        bundle=bundle, keys=str(home / "keys"), digest=version.digest, version="churn:1",
        endpoint="churn", time_us=1, form="parquet", keep=(), caller_id="", unit="",
        on_error="reject", stride=1, scratch=str(tmp_path / "scratch"), allow_pickle=False,
    )  # fmt: skip
    return Asked(work=work, mark="this job")


def reply(node: Node, chunk: Chunk) -> Reply:
    return msgspec.msgpack.decode(node.score(encode(chunk)), type=Reply)


def failure(node: Node, chunk: Chunk) -> Failed:
    told = reply(node, chunk).told
    assert isinstance(told, Failed)
    return told


def test_two_that_score_the_same_chunk_write_to_folders_of_their_own(
    asked: Asked, chunk: Chunk
) -> None:
    found = [reply(Node(encode(asked), "A node"), chunk) for _ in range(2)]
    assert [isinstance(each.told, Done) for each in found] == [True, True]
    scratch = Path(asked.work.scratch)
    parts = [scratch_file(scratch / each.folder, 7, PART) for each in found]
    assert parts[0] != parts[1]
    assert parts[0].read_bytes() == parts[1].read_bytes()


def test_a_folder_of_the_same_name_on_a_disk_of_its_own_is_not_taken_for_the_jobs(
    asked: Asked, chunk: Chunk
) -> None:
    (Path(asked.work.scratch) / MARK).write_text("another job")
    told = failure(Node(encode(asked), "The worker node 10.0.0.3 of the Ray cluster"), chunk)
    assert told.message.startswith("The worker node 10.0.0.3 of the Ray cluster cannot see /")
    assert told.message.endswith("/scratch.")
    assert "a file system that all nodes share" in told.hint


def test_an_input_that_a_node_does_not_see_is_named(asked: Asked, chunk: Chunk) -> None:
    Path(chunk.file.path).unlink()
    told = failure(Node(encode(asked), "A node"), chunk)
    assert told.message == f"A node cannot see {chunk.file.path}."


def test_a_chunk_at_which_processes_end_is_given_up(asked: Asked, chunk: Chunk) -> None:
    tries = scratch_file(Path(asked.work.scratch), 7, "tries")
    tries.write_bytes(b"." * (TRIES_MAX - 1))
    assert isinstance(reply(Node(encode(asked), "A node"), chunk).told, Done)
    assert not tries.exists()
    tries.write_bytes(b"." * TRIES_MAX)
    told = failure(Node(encode(asked), "A node"), chunk)
    assert told.code == "model_error"
    assert f"{TRIES_MAX} processes that score ended at rows 0 to 39 of" in told.message


def test_a_bundle_that_cannot_be_opened_is_told(asked: Asked, chunk: Chunk) -> None:
    other = msgspec.structs.replace(asked.work, bundle=asked.work.scratch)
    told = failure(Node(encode(Asked(work=other, mark=asked.mark)), "A node"), chunk)
    assert told.code == "invalid_bundle"


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:", ":6379", "http://h:80"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with RayEngine(1, address) as engine, pytest.raises(ConfigError, match=r"Name HOST:PORT"):
        engine.prepare(1, threads=False)


def test_without_ray_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (*QUIET, *OWN, "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")  # so that none stays behind
    with RayEngine(1) as engine, pytest.raises(ConfigError, match=r"install 'fairlead\[ray\]'"):
        engine.prepare(1, threads=False)


def test_only_ones_own_folders_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / f"{connect.PREFIX}left"
    folder.mkdir()
    (folder / connect.LOCK).touch()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
        connect._sweep(tmp_path)
        assert folder.exists()
    connect._sweep(tmp_path)
    assert not folder.exists()
