"""A package: what is in it, what its code needs, and what is refused of one that was changed."""

from __future__ import annotations

import ast
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fairlead.bundle import KeyRing, RunnerSpec, open_bundle
from fairlead.clock import ManualClock
from fairlead.device import load
from fairlead.device.check import check
from fairlead.device.look import stand
from fairlead.device.package import Package
from fairlead.device.types import MANIFEST, Manifest
from fairlead.errors import BundleError, ExportError
from fairlead.export.closure import source_files
from fairlead.export.device import NEEDS, write_device
from support.device import small_bundle

Change = Callable[[dict[str, bytes]], None]


def changed(package: Path, target: Path, change: Change) -> Path:
    """A copy of a package with other files in it."""
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return target


def test_a_package_says_what_it_holds_and_is_found_right(package: Path) -> None:
    opened = Package(package)
    assert opened.manifest.version == "ages:3"
    found = list(check(package))
    assert found[0] == f"ages:3: signed by {opened.manifest.signer}"
    assert found[1].startswith("4 files of the bundle are as they were signed")
    assert found[2] == "60 rows of the receipt are answered the same, within 0"
    needed = (package.parent / "requirements.txt").read_text().splitlines()[1:]
    assert [line.partition("==")[0] for line in needed] == [*NEEDS]


def test_the_same_version_gives_the_same_bytes(package: Path, tmp_path: Path) -> None:
    home = package.parents[1]
    bundle = open_bundle(home / "bundle", KeyRing(home / "keys"))
    again = write_device(bundle, "ages:3", tmp_path / "again")
    assert again.read_bytes() == package.read_bytes()


def test_the_code_needs_what_a_device_has_alone() -> None:
    known = {*sys.stdlib_module_names, *NEEDS, "fairlead"}
    known |= {"_sha2", "_sha256"}  # each of some Pythons
    files = source_files(("fairlead.device.main",))
    foreign = set()
    for path in files.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                foreign |= {each.name.partition(".")[0] for each in node.names} - known
            elif isinstance(node, ast.ImportFrom) and node.module:
                foreign |= {node.module.partition(".")[0]} - known
    assert foreign == {"PIL"}  # where it is there, pictures are profiled by how they look
    assert "fairlead/bundle/cache.py" not in files
    assert not any(name.startswith("fairlead/serving/") for name in files)


@pytest.mark.parametrize("path", ["model.onnx", "receipt.json", "bundle.json"])
def test_a_file_that_was_changed_is_refused(package: Path, tmp_path: Path, path: str) -> None:
    def change(files: dict[str, bytes]) -> None:
        files[f"bundle/{path}"] = files[f"bundle/{path}"].replace(b"a", b"b", 1)

    other = changed(package, tmp_path / "ages.pyz", change)
    with pytest.raises(BundleError, match=f"{path} in the bundle was changed"):
        load(other, keep=False)
    with pytest.raises(BundleError, match=f"{path} in the bundle was changed"):
        list(check(other))


def test_a_bundle_that_another_signed_is_refused(package: Path, tmp_path: Path) -> None:
    manifest = Package(package).manifest
    theirs = small_bundle(tmp_path / "theirs")

    def swap(files: dict[str, bytes]) -> None:
        for name in ("manifest", "manifest.sig"):
            files[f"bundle/{name}"] = (theirs.path / name).read_bytes()
        files[MANIFEST] = msgspec.json.encode(replace(manifest, digest=theirs.digest))

    def resign(files: dict[str, bytes]) -> None:
        signature = files["bundle/manifest.sig"]
        files["bundle/manifest.sig"] = signature[:-1] + bytes([signature[-1] ^ 1])

    for change, words in (
        (swap, "signed by another key"),
        (resign, "signature is not right"),
    ):
        with pytest.raises(BundleError, match=words):
            load(changed(package, tmp_path / "ages.pyz", change), keep=False)


def test_another_bundle_than_was_packed_is_refused(package: Path, tmp_path: Path) -> None:
    def other(files: dict[str, bytes]) -> None:
        manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
        files[MANIFEST] = msgspec.json.encode(replace(manifest, digest="00" * 32))

    with pytest.raises(BundleError, match="another bundle"):
        load(changed(package, tmp_path / "ages.pyz", other), keep=False)


def test_what_the_signed_manifest_does_not_name_is_found(package: Path, tmp_path: Path) -> None:
    def add(files: dict[str, bytes]) -> None:
        files["bundle/more.json"] = b"{}"

    with pytest.raises(BundleError, match="does not name"):
        list(check(changed(package, tmp_path / "ages.pyz", add)))


def test_code_that_was_damaged_is_found(package: Path, tmp_path: Path) -> None:
    raw = bytearray(package.read_bytes())
    with zipfile.ZipFile(package) as archive:
        place = archive.getinfo("fairlead/clock.py").header_offset
    raw[place + 200] ^= 0xFF
    (tmp_path / "ages.pyz").write_bytes(raw)
    with pytest.raises(BundleError, match="damaged"):
        list(check(tmp_path / "ages.pyz"))


def test_a_newer_format_is_refused_and_what_it_adds_is_passed_over(
    package: Path, tmp_path: Path
) -> None:
    def added(files: dict[str, bytes]) -> None:
        files[MANIFEST] = files[MANIFEST].replace(b"{", b'{"sequence": 9,', 1)

    def newer(files: dict[str, bytes]) -> None:
        files[MANIFEST] = files[MANIFEST].replace(b"{", b'{"format": 2,', 1)

    load(changed(package, tmp_path / "added.pyz", added), keep=False).close()
    with pytest.raises(BundleError, match="format 2"):
        load(changed(package, tmp_path / "newer.pyz", newer), keep=False)


def test_a_version_that_is_no_graph_is_refused_with_what_to_do(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path, RunnerSpec(kind="sklearn", path="model.onnx"))
    with pytest.raises(ExportError, match="answered by sklearn, not by an ONNX graph") as caught:
        write_device(bundle, "ages:3", tmp_path / "out")
    assert "fairlead compress ages:N --data ROWS --methods distil" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_program_that_is_not_python_itself_verifies_and_counts_by_itself(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/sbin/some-server")  # with Python inside it

    def resign(files: dict[str, bytes]) -> None:
        signature = files["bundle/manifest.sig"]
        files["bundle/manifest.sig"] = signature[:-1] + bytes([signature[-1] ^ 1])

    with pytest.raises(BundleError, match="signature is not right"):
        load(changed(package, tmp_path / "ages.pyz", resign), keep=False)
    clock = ManualClock()
    with load(package, state=tmp_path / "state", clock=clock) as model:
        for _ in range(2):
            model.predict([{"age": 1}])
            clock.advance(86_400)
    assert stand(tmp_path / "state").windows == 1
