"""A bundle is exactly what was signed, or it is refused."""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.bundle import (
    Bundle,
    BundleInfo,
    KeyRing,
    Tolerance,
    open_bundle,
    read_file,
    unpack,
    write_bundle,
)
from fairlead.bundle.manifest import Entry, is_safe_path, read_manifest, write_manifest
from fairlead.errors import BundleError, ConfigError, StorageError
from support.bundle import FILES, INFO

CONTEXT = multiprocessing.get_context("spawn")


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def signed(folder: Path, keys: KeyRing, change: Callable[[dict[str, object]], object]) -> None:
    """Change bundle.json of a bundle and sign it anew, as someone who is trusted could."""
    facts = msgspec.json.decode((folder / "bundle.json").read_bytes())
    change(facts)
    (folder / "bundle.json").write_bytes(msgspec.json.encode(facts))
    sign(folder, keys)


def sign(folder: Path, keys: KeyRing) -> None:
    import hashlib

    entries = []
    for path in files_of(folder):
        raw = path.read_bytes()
        entry = Entry(
            path.relative_to(folder).as_posix(), hashlib.sha256(raw).hexdigest(), len(raw)
        )
        entries += [entry] if is_safe_path(entry.path) else []
    (folder / "manifest").write_bytes(write_manifest(entries))
    (folder / "manifest.sig").write_bytes(keys.sign((folder / "manifest").read_bytes()))


def test_what_was_written_is_opened(bundle: Bundle, keys: KeyRing) -> None:
    opened = open_bundle(bundle.path, keys, expect_digest=bundle.digest)
    assert opened == bundle
    assert opened.info == INFO
    assert opened.signer == keys.public
    assert read_file(opened, "model/model.onnx") == FILES["model/model.onnx"]
    with pytest.raises(BundleError, match="no file model"):
        read_file(opened, "model")
    assert {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in (bundle.path,)} == {0}


def test_the_same_content_has_the_same_digest(bundle: Bundle, keys: KeyRing) -> None:
    again = write_bundle(bundle.path.with_name("again"), INFO, dict(reversed(FILES.items())), keys)
    assert again.digest == bundle.digest
    assert all(
        one.read_bytes() == two.read_bytes()
        for one, two in zip(files_of(bundle.path), files_of(again.path), strict=True)
    )


def test_files_may_lie_on_disk(tmp_path: Path, keys: KeyRing) -> None:
    (tmp_path / "source").write_bytes(b"graph")
    made = write_bundle(tmp_path / "b", INFO, {"model/model.onnx": tmp_path / "source"}, keys)
    assert read_file(made, "model/model.onnx") == b"graph"
    (tmp_path / "link").symlink_to(tmp_path / "source")
    with pytest.raises(BundleError, match="plain file"):
        write_bundle(tmp_path / "c", INFO, {"model/model.onnx": tmp_path / "link"}, keys)
    with pytest.raises(StorageError):
        write_bundle(tmp_path / "c", INFO, {"model/model.onnx": tmp_path / "missing"}, keys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "keys", "link", "source"]


def test_a_bundle_is_never_changed(bundle: Bundle, keys: KeyRing) -> None:
    before = {path: path.read_bytes() for path in files_of(bundle.path)}
    with pytest.raises(BundleError, match="exists"):
        write_bundle(bundle.path, INFO, {"other": b"x"}, keys)
    assert {path: path.read_bytes() for path in files_of(bundle.path)} == before


PATHS = ("", "/x", "../x", "a/../../x", "a//b", "./a", "a\\b", "a:b", "a\x00", "a\n", "u\u0308",
         "manifest", "manifest.sig", "manifest/x", "x" * 256, "bundle.json")  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_no_unsafe_path_is_written(tmp_path: Path, keys: KeyRing, path: str) -> None:
    assert len(keys.public) == 64
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "b", INFO, {path: b"x"}, keys)
    assert [p.name for p in tmp_path.iterdir()] == ["keys"]


def test_metrics_that_json_cannot_hold_are_left_out(tmp_path: Path, keys: KeyRing) -> None:
    nan, inf = float("nan"), float("inf")
    info = msgspec.structs.replace(INFO, metrics={"r2": nan, "loss": inf, "mae": 0.5})
    made = write_bundle(tmp_path / "b", info, FILES, keys)
    assert open_bundle(made.path, keys).info.metrics == {"mae": 0.5}


@pytest.mark.parametrize(
    "info",
    [
        msgspec.structs.replace(INFO, name="../churn"),
        msgspec.structs.replace(INFO, name=""),
        msgspec.structs.replace(INFO, tolerance=Tolerance(absolute=float("inf"))),
        msgspec.structs.replace(INFO, format=2),
    ],
)
def test_facts_that_could_not_be_read_are_not_written(
    tmp_path: Path, keys: KeyRing, info: BundleInfo
) -> None:
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "b", info, FILES, keys)
    assert list(tmp_path.iterdir()) == []


def test_one_flipped_bit_in_any_file_is_found(bundle: Bundle, keys: KeyRing) -> None:
    paths = files_of(bundle.path)
    assert len(paths) == 5
    for path in paths:
        whole = path.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            damaged = bytearray(whole)
            damaged[place] ^= 4
            path.write_bytes(damaged)
            with pytest.raises(BundleError):
                open_bundle(bundle.path, keys)
        path.write_bytes(whole)
        open_bundle(bundle.path, keys)


def test_a_file_that_was_cut_added_or_removed_is_found(bundle: Bundle, keys: KeyRing) -> None:
    for path in files_of(bundle.path):
        whole = path.read_bytes()
        for content in (b"", whole[:-1], whole + b"\x00"):
            path.write_bytes(content)
            with pytest.raises(BundleError):
                open_bundle(bundle.path, keys)
        path.unlink()
        with pytest.raises(BundleError):
            open_bundle(bundle.path, keys)
        path.write_bytes(whole)
    for extra in ("x", "model/x", "manifest.bak", ".hidden"):
        (bundle.path / extra).write_bytes(b"")
        with pytest.raises(BundleError, match="does not name"):
            open_bundle(bundle.path, keys)
        (bundle.path / extra).unlink()
    open_bundle(bundle.path, keys)


def test_links_and_pipes_are_refused(bundle: Bundle, keys: KeyRing, tmp_path: Path) -> None:
    for path in files_of(bundle.path):
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
        with pytest.raises(BundleError):
            open_bundle(bundle.path, keys)
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(BundleError):
            open_bundle(bundle.path, keys)
        path.unlink()
        (tmp_path / "moved").rename(path)
    (bundle.path / "model").rename(tmp_path / "model")
    (bundle.path / "model").symlink_to(tmp_path / "model")
    with pytest.raises(BundleError, match="link"):
        open_bundle(bundle.path, keys)


def test_another_bundle_than_the_expected_is_refused(bundle: Bundle, keys: KeyRing) -> None:
    with pytest.raises(BundleError, match="another bundle"):
        open_bundle(bundle.path, keys, expect_digest="0" * 64)


def test_a_file_swapped_after_opening_is_refused(bundle: Bundle, keys: KeyRing) -> None:
    (bundle.path / "receipt.json").write_bytes(b"[]")
    with pytest.raises(BundleError, match="changed while"):
        read_file(bundle, "receipt.json")
    sign(bundle.path, keys)
    with pytest.raises(BundleError, match="manifest was changed"):
        read_file(bundle, "receipt.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts.update(new=1), "unknown field"),
        (lambda facts: facts["runner"].update(new=1), "unknown field"),
        (lambda facts: facts["signature"]["inputs"][0].update(new=1), "unknown field"),
        (lambda facts: facts.update(format=2), "format 2"),
        (lambda facts: facts.update(name="../x"), "model name"),
        (lambda facts: facts["runner"].update(kind="shell"), "shell"),
        (lambda facts: facts.pop("signature"), "signature"),
    ],
)
def test_facts_that_this_fairlead_does_not_know_are_refused_though_signed(
    bundle: Bundle, keys: KeyRing, change: Callable[[dict[str, object]], object], message: str
) -> None:
    signed(bundle.path, keys, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle.path, keys)


@pytest.mark.parametrize("raw", [b"", b"\xff", b'{"name":"\xff"}', b"[]", b"null"])
def test_facts_that_are_no_json_are_refused(bundle: Bundle, keys: KeyRing, raw: bytes) -> None:
    (bundle.path / "bundle.json").write_bytes(raw)
    sign(bundle.path, keys)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        open_bundle(bundle.path, keys)


def test_a_foreign_bundle_is_refused_until_its_key_is_trusted(
    bundle: Bundle, keys: KeyRing, tmp_path: Path, archive: Path
) -> None:
    other = KeyRing(tmp_path / "other")
    with pytest.raises(BundleError, match=keys.public):
        open_bundle(bundle.path, other)
    with pytest.raises(BundleError, match=keys.public):
        unpack(archive, tmp_path / "unpacked", other)
    assert not (tmp_path / "unpacked").exists()
    for wrong in ("", "0" * 63, "../" + "0" * 61, keys.public.upper(), keys.public + "\n"):
        with pytest.raises(ConfigError):
            other.trust(wrong, "them")
    other.trust(keys.public, "them")
    assert open_bundle(bundle.path, other) == bundle
    assert open_bundle(bundle.path, KeyRing(tmp_path / "other")).signer == keys.public
    assert unpack(archive, tmp_path / "unpacked", other).digest == bundle.digest


def test_the_signing_key_is_made_once_and_is_secret(tmp_path: Path) -> None:
    one, two = KeyRing(tmp_path / "keys"), KeyRing(tmp_path / "keys")
    assert one.public == two.public
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="not a signing key"):
        KeyRing(tmp_path / "keys").sign(b"x")


def public_key(folder: str, out: Connection) -> None:
    out.send(KeyRing(Path(folder)).public)


def test_processes_that_make_the_key_at_once_agree(tmp_path: Path) -> None:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    made = [CONTEXT.Process(target=public_key, args=(str(tmp_path), theirs)) for _ in range(4)]
    for process in made:
        process.start()
    assert len({ours.recv() for _ in made}) == 1
    for process in made:
        process.join()
    assert [p.name for p in tmp_path.iterdir()] == ["signing.key"]


@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_manifest_is_read_only_as_it_is_written(raw: bytes) -> None:
    for candidate in (raw, b"fairlead-bundle 1\n" + raw):
        try:
            entries = read_manifest(candidate)
        except BundleError:
            continue
        assert write_manifest(entries) == candidate


SAFE = st.text(min_size=1, max_size=20).filter(is_safe_path)


@given(paths=st.sets(SAFE, max_size=5), size=st.integers(0, 1 << 40))
def test_every_manifest_that_is_written_is_read(paths: set[str], size: int) -> None:
    entries = [Entry(path, "ab" * 32, size) for path in paths]
    assert sorted(read_manifest(write_manifest(entries))) == sorted(entries)


def test_a_manifest_of_too_many_files_is_not_written() -> None:
    with pytest.raises(BundleError, match="at most"):
        write_manifest(Entry(str(n), "ab" * 32, 1) for n in range(10_001))
