"""Versions that must not answer: they do not, the one before goes on, and the reason is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead.app.workspace import Workspace
from fairlead.bundle import decode_receipt, encode_receipt, read_file, write_bundle
from fairlead.registry import Version
from support.models import ROW, package_churn
from support.platform import Platform


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("versions") / ".fairlead"
    package_churn(home)
    return home


@pytest.fixture(scope="module")
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "churn:1", "--workers=2") as running:
        yield running


def forge(home: Path, tmp_path: Path, *, age: float) -> Version:
    """A version that is signed right, and whose receipt tells of another model."""
    workspace = Workspace(home)
    bundle = workspace.bundle(workspace.registry.resolve("churn:1"))
    receipt = decode_receipt(read_file(bundle, "receipt.json"))
    receipt.inputs.numbers[:, 0] = age
    files: dict[str, bytes | Path] = {
        path.relative_to(bundle.path).as_posix(): path
        for path in bundle.path.rglob("*")
        if path.is_file() and path.name not in ("bundle.json", "manifest", "manifest.sig")
    }
    files["receipt.json"] = encode_receipt(receipt)
    info = msgspec.structs.replace(bundle.info, created_us=bundle.info.created_us + 1)
    forged = write_bundle(tmp_path / "forged", info, files, workspace.keys)
    return workspace.register(forged)


def test_a_version_that_fails_its_receipt_does_not_answer(
    platform: Platform, home: Path, tmp_path: Path
) -> None:
    forged = forge(home, tmp_path, age=1e6)
    said = platform.run("deploy", forged.name, status=1)
    assert "receipt" in said
    assert platform.predict("churn", {"rows": [ROW]}).json["predictions"][0]["version"] == "churn:1"
    assert platform.ready()


def test_one_flipped_bit_keeps_a_version_from_answering(platform: Platform, home: Path) -> None:
    version = package_churn(home, seed=11)
    workspace = Workspace(home)
    blob = Path(workspace.blobs.locate(version.blob))
    damaged = bytearray(blob.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    blob.write_bytes(damaged)
    shutil.rmtree(workspace.home.cache / version.digest, ignore_errors=True)
    said = platform.run("deploy", version.name, status=1)
    assert "failed" in said or "damaged" in said
    assert platform.predict("churn", {"rows": [ROW]}).status == 200


def test_a_version_that_does_not_exist_is_named(platform: Platform) -> None:
    assert "There is no version churn:99" in platform.run("deploy", "churn:99", status=1)


def test_a_version_with_other_fields_does_not_fit_the_endpoint(
    platform: Platform, home: Path
) -> None:
    import fairlead
    from support.models import churn_model, customers

    frame, left = customers(seed=12)
    frame = frame.assign(plan=frame["plan"].fillna("free"))
    renamed = frame.rename(columns={"visits": "calls"})
    model = churn_model(frame, left)
    del model
    from sklearn.linear_model import LogisticRegression

    other = LogisticRegression().fit(renamed[["age", "calls"]], left)
    version = fairlead.package(other, renamed[["age", "calls"]], name="other", home=home)
    said = platform.run("deploy", version.name, "--endpoint", "churn", status=1)
    assert "calls" in said
