"""A bundle as one file: a zip archive that holds exactly what its signed manifest names."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
import zipfile
import zlib
from pathlib import Path

from fairlead.bundle.files import CHUNK_BYTES
from fairlead.bundle.keys import KeyRing
from fairlead.bundle.manifest import Entry, read_manifest
from fairlead.bundle.read import MANIFEST_BYTES_MAX, SIGNATURE_FILE_BYTES_MAX, open_bundle
from fairlead.bundle.types import Bundle
from fairlead.bundle.write import publish
from fairlead.errors import BundleError, StorageError

SIZE_BYTES_MAX = 64 << 30
# What zipfile raises over bytes that are no archive.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(bundle: Bundle, target: Path) -> None:
    """Write a bundle to one file; the same bundle gives the same bytes.

    Raises:
        StorageError: it cannot be written.
    """
    manifest = (bundle.path / "manifest").read_bytes()
    paths = ["manifest", "manifest.sig", *(entry.path for entry in read_manifest(manifest))]
    temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                info = zipfile.ZipInfo(path, _EPOCH)
                info.external_attr = (stat.S_IFREG | 0o600) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                with (bundle.path / path).open("rb") as source, archive.open(info, "w") as out:
                    shutil.copyfileobj(source, out, CHUNK_BYTES)
        temporary.replace(target)
    except OSError as error:
        raise StorageError(
            f"The archive '{target.name}' cannot be written: {error.strerror}."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def unpack(
    archive: Path,
    target: Path,
    keys: KeyRing,
    *,
    expect_digest: str | None = None,
    size_bytes_max: int = SIZE_BYTES_MAX,
) -> Bundle:
    """Extract a bundle, with every check before anything of it is used.

    The manifest's signature comes first; then only the files it names are extracted, each no
    longer than it says. The target appears when all of it was found to be right.

    Args:
        archive: as `pack` wrote it.
        target: the folder; if it holds the same bundle already, that one is used.
        keys: whose signatures are accepted.
        expect_digest: the digest it must have, if that is known.
        size_bytes_max: of all files together.

    Raises:
        BundleError: the archive is damaged, forged, or holds what it should not; or the target
            is another bundle.
        StorageError: the archive cannot be read or the target cannot be written.
    """
    temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(archive) as opened:
            _extract(opened, temporary, keys, size_bytes_max)
        found = open_bundle(temporary, keys, expect_digest=expect_digest)
        publish(temporary, target)
    except DAMAGE as error:
        raise BundleError("The file is not a bundle's archive, or is damaged.") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # an offset in the archive that no file can have
            raise BundleError("The file is not a bundle's archive, or is damaged.") from error
        raise StorageError(f"The bundle cannot be extracted: {error.strerror}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return open_bundle(target, keys, expect_digest=found.digest)


def _extract(opened: zipfile.ZipFile, folder: Path, keys: KeyRing, size_bytes_max: int) -> None:
    infos = opened.infolist()
    names = [info.filename for info in infos]
    if len(names) != len(set(names)) or not {"manifest", "manifest.sig"} <= set(names):
        raise BundleError("The file is not a bundle's archive: its manifest is missing or double.")
    for info in infos:
        _check_plain(info)
    folder.mkdir(parents=True, mode=0o700)
    _inflate(opened, "manifest", folder, MANIFEST_BYTES_MAX)
    _inflate(opened, "manifest.sig", folder, SIGNATURE_FILE_BYTES_MAX)
    manifest = (folder / "manifest").read_bytes()
    keys.verify(manifest, (folder / "manifest.sig").read_bytes())
    entries = read_manifest(manifest)
    extra = set(names) - {entry.path for entry in entries} - {"manifest", "manifest.sig"}
    if extra:
        raise BundleError("The archive holds files that its manifest does not name.")
    if sum(entry.size for entry in entries) > size_bytes_max:
        raise BundleError("The bundle is larger than is allowed here.")
    for entry in entries:
        _inflate_entry(opened, entry, folder)


def _check_plain(info: zipfile.ZipInfo) -> None:
    mode = info.external_attr >> 16
    plain = stat.S_ISREG(mode) or not mode
    packed = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if info.is_dir() or not plain or not packed or info.flag_bits & 0x1:
        raise BundleError("The archive holds something that is not a plain file.")


def _inflate_entry(opened: zipfile.ZipFile, entry: Entry, folder: Path) -> None:
    try:
        _inflate(opened, entry.path, folder, entry.size)
    except KeyError:
        raise BundleError(f"The archive lacks {entry.path}.") from None


def _inflate(opened: zipfile.ZipFile, path: str, folder: Path, size_max: int) -> None:
    """Write one file; more bytes than promised are a bomb, and are not written."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    left = size_max
    with opened.open(path) as source, target.open("xb") as out:
        while chunk := source.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise BundleError(f"{path} in the archive is larger than its manifest says.")
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
