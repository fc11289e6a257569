"""An archive gives back the bundle it was made of, or nothing at all."""

from __future__ import annotations

import io
import multiprocessing
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.bundle import (
    Bundle,
    KeyRing,
    open_bundle,
    pack,
    read_file,
    unpack,
    write_bundle,
)
from fairlead.bundle.cache import BundleCache
from fairlead.errors import BundleError, FairleadError, NotFoundError, StorageError
from fairlead.store import open_blobs
from support.bundle import FILES, INFO

CONTEXT = multiprocessing.get_context("spawn")


def test_an_archive_gives_back_the_bundle(
    bundle: Bundle, archive: Path, tmp_path: Path, keys: KeyRing
) -> None:
    found = unpack(archive, tmp_path / "new" / "unpacked", keys, expect_digest=bundle.digest)
    assert (found.digest, found.info) == (bundle.digest, INFO)
    again = unpack(archive, found.path, keys)
    assert again == found
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["unpacked"]


def test_an_archive_is_deterministic(bundle: Bundle, archive: Path, tmp_path: Path) -> None:
    pack(bundle, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == archive.read_bytes()
    unpacked = unpack(archive, tmp_path / "unpacked", KeyRing(tmp_path / "keys"))
    pack(unpacked, tmp_path / "third")
    assert (tmp_path / "third").read_bytes() == archive.read_bytes()


def test_a_target_that_holds_something_else_is_not_taken_for_the_bundle(
    bundle: Bundle, archive: Path, tmp_path: Path, keys: KeyRing
) -> None:
    other = write_bundle(tmp_path / "other", INFO, {"model/model.onnx": b"other"}, keys)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    for target in (other.path, tmp_path / "folder", tmp_path / "file"):
        with pytest.raises(BundleError):
            unpack(archive, target, keys)
    assert open_bundle(other.path, keys) == other
    assert (tmp_path / "folder" / "file").read_bytes() == b"mine"


Members = list[tuple[str | zipfile.ZipInfo, bytes]]


def rewritten(archive: Path, change: Callable[[Members], object]) -> Path:
    with zipfile.ZipFile(archive) as opened:
        members: Members = [(info.filename, opened.read(info)) for info in opened.infolist()]
    change(members)
    target = archive.with_name("rewritten")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for member, content in members:
            out.writestr(member, content)
    return target


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


ATTACKS: dict[str, Callable[[Members], object]] = {
    "extra file": lambda m: m.append(("extra", b"x")),
    "climbing path": lambda m: m.append(("../climbed", b"x")),
    "absolute path": lambda m: m.append(("/tmp/fairlead-absolute", b"x")),
    "backslashes": lambda m: m.append(("..\\climbed", b"x")),
    "folder": lambda m: m.append(("folder/", b"")),
    "link": lambda m: m.append((special("link", stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "link in place of a file": lambda m: m.__setitem__(
        2, (special(str(m[2][0]), stat.S_IFLNK | 0o777), b"/etc/passwd")
    ),
    "pipe": lambda m: m.append((special("pipe", stat.S_IFIFO | 0o600), b"")),
    "missing file": lambda m: m.pop(),
    "no manifest": lambda m: m.pop(0),
    "no signature": lambda m: m.pop(1),
    "file longer than signed": lambda m: m.append((str(m[-1][0]), m.pop()[1] + b"x")),
    "file shorter than signed": lambda m: m.append((str(m[-1][0]), m.pop()[1][:-1])),
    "bomb in a file": lambda m: m.append((str(m[-1][0]), (m.pop(), bytes(50_000_000))[1])),
    "bomb in the manifest": lambda m: m.__setitem__(0, ("manifest", bytes(50_000_000))),
    "bomb in the signature": lambda m: m.__setitem__(1, ("manifest.sig", bytes(50_000_000))),
    "manifest changed": lambda m: m.__setitem__(0, ("manifest", m[0][1].replace(b"0", b"1"))),
    "empty": lambda m: m.clear(),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_archive_that_was_tampered_with_is_refused_and_nothing_is_left(
    archive: Path, tmp_path: Path, keys: KeyRing, attack: str
) -> None:
    hostile = rewritten(archive, ATTACKS[attack])
    (tmp_path / "inside").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleError):
        unpack(hostile, tmp_path / "inside" / "target", keys)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/fairlead-absolute").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["manifest", "manifest.sig", "bundle.json", "model/model.onnx"])
def test_a_name_that_stands_twice_is_refused(
    archive: Path, tmp_path: Path, keys: KeyRing, name: str
) -> None:
    hostile = rewritten(archive, lambda m: m.append((name, b"second")))
    with pytest.raises(BundleError):
        unpack(hostile, tmp_path / "target", keys)


def test_a_bundle_larger_than_allowed_is_refused_before_it_is_extracted(
    archive: Path, tmp_path: Path, keys: KeyRing
) -> None:
    with pytest.raises(BundleError, match="larger than is allowed"):
        unpack(archive, tmp_path / "target", keys, size_bytes_max=100)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, keys: KeyRing) -> None:
    for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), os.urandom(5_000)):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(BundleError, match="not a bundle's archive"):
            unpack(tmp_path / "file", tmp_path / "target", keys)
    with pytest.raises(StorageError, match="No such file"):
        unpack(tmp_path / "missing", tmp_path / "target", keys)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 30), bit=st.integers(0, 7), cut=st.booleans())
def test_an_archive_with_one_flipped_bit_or_cut_short_never_gives_another_bundle(
    bundle: Bundle, archive: Path, tmp_path: Path, keys: KeyRing, place: int, bit: int, cut: bool
) -> None:
    raw = bytearray(archive.read_bytes())
    place %= len(raw)
    raw[place] ^= 1 << bit
    (tmp_path / "damaged").write_bytes(raw[:place] if cut else raw)
    shutil.rmtree(tmp_path / "target", ignore_errors=True)
    try:
        found = unpack(tmp_path / "damaged", tmp_path / "target", keys)
    except BundleError:
        assert not (tmp_path / "target").exists()
    else:  # bits that say nothing about the content, such as times
        assert found.digest == bundle.digest


@pytest.fixture
def cache(tmp_path: Path, archive: Path, keys: KeyRing) -> BundleCache:
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    blobs.put("bundles/churn", archive)
    return BundleCache(blobs, tmp_path / "cache", keys)


def test_a_bundle_is_fetched_once(cache: BundleCache, bundle: Bundle, tmp_path: Path) -> None:
    found = cache.get("bundles/churn", bundle.digest)
    shutil.rmtree(tmp_path / "blobs")
    assert cache.get("bundles/churn", bundle.digest) == found
    assert found.digest == bundle.digest
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [bundle.digest]


def test_a_damaged_folder_of_the_cache_is_fetched_again(cache: BundleCache, bundle: Bundle) -> None:
    found = cache.get("bundles/churn", bundle.digest)
    (found.path / "receipt.json").write_bytes(b"[]")
    (found.path / "extra").write_bytes(b"")
    assert cache.get("bundles/churn", bundle.digest) == found
    assert read_file(found, "receipt.json") == b"{}"


def test_what_the_cache_cannot_get_is_told(
    cache: BundleCache, bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError):
        cache.get("bundles/none", bundle.digest)
    with pytest.raises(BundleError, match="another bundle"):
        cache.get("bundles/churn", "0" * 64)
    (tmp_path / "precious").mkdir()
    for digest in ("../precious", "", ".", "A" * 64, f"{tmp_path}/precious"):
        with pytest.raises(BundleError, match="digest"):
            cache.get("bundles/churn", digest)
    assert (tmp_path / "precious").is_dir()
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_file()]


def unpack_for_ever(folder: str, out: Connection) -> None:
    home = Path(folder)
    keys = KeyRing(home / "keys")
    blobs = open_blobs(f"file://{home}/blobs")
    digest = str(out.recv())
    while True:
        BundleCache(blobs, home / "cache", keys).get("bundles/churn", digest)
        write_bundle(home / "cache" / "written", INFO, FILES, keys)
        out.send(None)
        shutil.rmtree(home / "cache" / digest)
        shutil.rmtree(home / "cache" / "written")


@pytest.mark.parametrize("rounds", [1, 2, 5, 9])
def test_what_a_killed_process_leaves_behind_is_harmless(
    cache: BundleCache, bundle: Bundle, tmp_path: Path, keys: KeyRing, rounds: int
) -> None:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=unpack_for_ever, args=(str(tmp_path), theirs))
    process.start()
    theirs.close()  # so that its end is heard
    ours.send(bundle.digest)
    for _ in range(rounds):
        ours.recv()
    process.kill()
    process.join()
    assert cache.get("bundles/churn", bundle.digest).digest == bundle.digest
    for half in (tmp_path / "cache").iterdir():
        if half.name not in (bundle.digest, "written"):
            assert half.name.startswith((f".{bundle.digest}-", f"{bundle.digest}-", ".written-"))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from fairlead.bundle import KeyRing, open_bundle, pack, unpack, write_bundle
from fairlead.errors import StorageError
from support.bundle import FILES, INFO
home = Path(sys.argv[1])
keys = KeyRing(home / "keys")
bundle = open_bundle(home / "bundle", keys)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
for call in (
    lambda: write_bundle(home / "new", INFO, FILES, keys),
    lambda: pack(bundle, home / "packed"),
    lambda: unpack(home / "churn.fairlead", home / "new", keys),
):
    try:
        call()
    except StorageError:
        print("refused")
"""


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    archive: Path, tmp_path: Path, run_python: Callable[[str, str], str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert run_python(FULL_DISK, str(tmp_path)).splitlines() == ["refused"] * 3
    assert sorted(tmp_path.rglob("*")) == before


def test_every_error_is_one_of_ours_for_any_bytes(tmp_path: Path, keys: KeyRing) -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w", method) as out:
            out.writestr("manifest", b"x" * 99)
            out.writestr("manifest.sig", b"x" * 96)
        (tmp_path / "file").write_bytes(raw.getvalue())
        with pytest.raises(FairleadError):
            unpack(tmp_path / "file", tmp_path / "target", keys)
