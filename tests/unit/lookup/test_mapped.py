"""Tables in files: what is left behind, and what happens on bad days."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.errors import ConflictError, StorageError
from fairlead.lookup import Key, Row, Tables, open_tables
from support.small_disk import needs_small_disk, on_small_disk

COLUMNS = ("text",)


def rows(count: int, text: str = "x") -> Iterator[tuple[Key, Row]]:
    return ((key, Row(0, (text,))) for key in range(count))


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return open_tables(f"lmdb://{tmp_path}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "t"


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.name != "publishing")


def test_one_snapshot_is_left(tables: Tables, folder: Path) -> None:
    for generation in range(3):
        tables.publish("t", COLUMNS, rows(10), generation)
    assert files(folder) == ["", ".mdb"]


def test_what_killed_publishers_left_is_removed(tables: Tables, folder: Path) -> None:
    tables.publish("t", COLUMNS, rows(10), 1)
    (folder / ".partial-1").write_bytes(b"half")
    (folder / "1-1.mdb").write_bytes(b"whole, but never put in place")
    tables.publish("t", COLUMNS, rows(10), 2)
    assert files(folder) == ["", ".mdb"]


def test_one_process_publishes_at_a_time(tables: Tables, folder: Path) -> None:
    tables.publish("t", COLUMNS, rows(1), 1)
    with (folder / "publishing").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match="Another process publishes"):
            tables.publish("t", COLUMNS, rows(2), 2)
    assert tables.publish("t", COLUMNS, rows(2), 3).rows == 2


def cut(file: Path) -> None:
    with file.open("rb+") as opened:
        opened.truncate(file.stat().st_size // 2)


def turn(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, turn, lambda file: file.write_bytes(b"")])
def test_a_damaged_snapshot_is_refused_and_can_be_replaced(
    tables: Tables, folder: Path, damage: object
) -> None:
    tables.publish("t", COLUMNS, rows(1000), 1)
    assert callable(damage)
    damage(next(folder.glob("*.mdb")))
    with pytest.raises(StorageError, match="is damaged"):
        tables.open("t")
    tables.publish("t", COLUMNS, rows(1), 2)
    assert tables.open("t") is not None


def test_a_damaged_pointer_is_told_and_can_be_replaced(tables: Tables, folder: Path) -> None:
    tables.publish("t", COLUMNS, rows(1), 1)
    (folder / "current").write_bytes(b'{"snap')
    with pytest.raises(StorageError, match="is damaged"):
        tables.current("t")
    tables.publish("t", COLUMNS, rows(1), 2)
    assert tables.current("t") is not None
    assert files(folder) == ["", ".mdb"]


def test_a_snapshot_whose_file_is_gone_is_told(tables: Tables, folder: Path) -> None:
    tables.publish("t", COLUMNS, rows(1), 1)
    next(folder.glob("*.mdb")).unlink()
    with pytest.raises(StorageError, match="lacks its file"):
        tables.open("t")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        open_tables(f"lmdb://{tmp_path}/file").publish("t", COLUMNS, rows(1), 1)


FULL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from unit.lookup.test_mapped import COLUMNS, rows
from fairlead.errors import StorageError
from fairlead.lookup import Row, open_tables

tables = open_tables(f"lmdb://{sys.argv[1]}")
tables.publish("t", COLUMNS, rows(100), 1)
before = tables.current("t")
try:
    tables.publish("t", COLUMNS, rows(100_000, "y" * 100), 2)
except StorageError as error:
    print(error)
assert tables.current("t") == before
table = tables.open("t")
assert table.get([99, 100]) == [Row(0, ("x",)), None]
assert [p for p in (Path(sys.argv[1]) / "t").iterdir() if p.name.startswith(".")] == []
"""


@needs_small_disk
def test_a_full_disk_is_told_and_readers_keep_what_was_there(tmp_path: Path) -> None:
    command = [*on_small_disk(tmp_path / "small", "1m"), sys.executable, "-c", FULL]
    tests = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, str(tmp_path / "small"), tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "'t' cannot be written: " in done.stdout
    assert "whether the disk is full" in done.stdout
