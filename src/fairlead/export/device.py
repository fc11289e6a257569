"""A version for a device: a folder with one file that runs, and what it needs to be installed.

churn.pyz           the bundle and the part of Fairlead that answers, as a zip file for Python
requirements.txt    four packages, of the versions that this machine has
"""

from __future__ import annotations

import importlib.metadata
import py_compile
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.bundle import Bundle
from fairlead.bundle.manifest import read_manifest
from fairlead.device.types import BUNDLE, MANIFEST, Manifest
from fairlead.errors import StorageError
from fairlead.export.closure import source_files
from fairlead.export.graph import check_domains, read_graph

NEEDS = ("onnxruntime", "numpy", "msgspec", "cryptography")
"""All that the code of a device imports, beside the standard library."""

RUNS = b"""#!/usr/bin/env python3
"""
MAIN = b"""from fairlead.device.main import main

main()
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_device(bundle: Bundle, version: str, folder: Path) -> Path:
    """Write a version for a device; the same version gives the same bytes.

    The code in it is compiled for this Python. Another one runs it too, and starts slower.

    Args:
        bundle: of the version, verified.
        version: its name: `churn:3`.
        folder: that is made.

    Returns:
        The file that runs.

    Raises:
        ExportError: it is no graph that a plain onnxruntime runs; says what to do.
        StorageError: it cannot be written.
    """
    check_domains(read_graph(bundle))
    package = folder / f"{bundle.info.name}.pyz"
    try:
        folder.mkdir(parents=True)
        with package.open("wb") as file:
            file.write(RUNS)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, raw in _files(bundle, version):
                    info = zipfile.ZipInfo(name, _EPOCH)
                    info.external_attr = (stat.S_IFREG | 0o644) << 16
                    archive.writestr(info, raw, zipfile.ZIP_DEFLATED)
        package.chmod(0o755)
        (folder / "requirements.txt").write_text(_requirements())
    except OSError as error:
        raise StorageError(f"{folder.name} cannot be written: {error.strerror}.") from error
    return package


def _files(bundle: Bundle, version: str) -> Iterator[tuple[str, bytes]]:
    """Every file of a package, by its name there."""
    trainable = bundle.info.trainable
    left_out = () if trainable is None else (trainable.path,)
    manifest = Manifest(
        model=bundle.info.name,
        number=int(version.rpartition(":")[2]),
        digest=bundle.digest,
        signer=bundle.signer,
        left_out=left_out,
    )
    yield "__main__.py", MAIN
    yield MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    yield from _code()
    entries = read_manifest((bundle.path / "manifest").read_bytes())
    for path in ("manifest", "manifest.sig", *(entry.path for entry in entries)):
        if path not in left_out:
            yield BUNDLE + path, (bundle.path / path).read_bytes()


def _code() -> Iterator[tuple[str, bytes]]:
    """Source, and beside it what this Python compiles it to, which is not looked at for changes."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in sorted(source_files(("fairlead.device.main",)).items()):
            compiled = py_compile.compile(
                str(path), cfile=str(Path(folder) / "compiled"), dfile=name, doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )  # fmt: skip
            assert compiled is not None
            yield f"{name}c", Path(compiled).read_bytes()
            yield name, path.read_bytes()


def _requirements() -> str:
    found = (f"{name}=={importlib.metadata.version(name)}" for name in NEEDS)
    return "# What the package was made and proven with.\n" + "\n".join(found) + "\n"
