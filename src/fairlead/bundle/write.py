"""Writing a bundle: all of it or nothing."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fairlead.bundle.files import hash_file
from fairlead.bundle.keys import KeyRing
from fairlead.bundle.manifest import Entry, is_safe_path, write_manifest
from fairlead.bundle.read import open_bundle, parse_info
from fairlead.bundle.types import Bundle, BundleInfo
from fairlead.errors import BundleError, StorageError


def write_bundle(
    target: Path, info: BundleInfo, files: Mapping[str, bytes | Path], keys: KeyRing
) -> Bundle:
    """Write and sign a bundle.

    It is made beside the target and renamed, so that the target is never half a bundle.

    Args:
        target: the folder, which must not exist.
        info: becomes `bundle.json`, without metrics that are not finite: JSON has no such number.
        files: the others, by their path in the bundle.
        keys: that sign.

    Raises:
        BundleError: the target exists, a path is not safe, or the facts are not valid.
        StorageError: it cannot be written.
    """
    if target.exists():
        raise BundleError(f"{target} exists; a bundle is never changed.")
    if "bundle.json" in files:
        raise BundleError("bundle.json is written from the facts; it cannot be one of the files.")
    content = {"bundle.json": _facts(info), **files}
    temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        entries = [_put(temporary, path, source) for path, source in content.items()]
        manifest = write_manifest(entries)
        _put(temporary, "manifest", manifest)
        _put(temporary, "manifest.sig", keys.sign(manifest))
        publish(temporary, target)
    except OSError as error:
        raise StorageError(
            f"The bundle '{target.name}' cannot be written: {error.strerror}.",
            hint="See whether the disk is full and the folder writable.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return open_bundle(target, keys, expect_digest=hashlib.sha256(manifest).hexdigest())


def _facts(info: BundleInfo) -> bytes:
    """The bytes of `bundle.json`, which are sure to be readable."""
    metrics = {name: value for name, value in info.metrics.items() if math.isfinite(value)}
    raw = msgspec.json.encode(msgspec.structs.replace(info, metrics=metrics))
    parse_info(raw)
    return msgspec.json.format(raw, indent=2)


def publish(temporary: Path, target: Path) -> None:
    """Give a finished folder its name. Of processes that do so at once, the first wins."""
    try:
        temporary.rename(target)
    except OSError:
        if not target.exists():
            raise


def _put(folder: Path, path: str, source: bytes | Path) -> Entry:
    """Write one file, durably, and say what was written."""
    if path not in ("manifest", "manifest.sig") and not is_safe_path(path):
        raise BundleError(f"{path!r} cannot be a path in a bundle.")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if isinstance(source, bytes):
        target.write_bytes(source)
    else:
        shutil.copyfile(source, target, follow_symlinks=False)
    with target.open("rb") as written:
        os.fsync(written.fileno())
    digest, size = hash_file(target)
    return Entry(path, digest, size)
