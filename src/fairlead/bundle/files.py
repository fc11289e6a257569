"""Files of a bundle folder: hashed, and read such that what is used is what was hashed.

What hashes is loaded when it is used: a device, which reads no folders, has no memory for it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from fairlead.bundle.manifest import Entry
from fairlead.errors import BundleError

CHUNK_BYTES = 1 << 20


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a plain file that is not reached through a link.

    Raises:
        BundleError: it is no plain file.
    """
    import hashlib

    digest, size = hashlib.sha256(), 0
    with open_plain(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def digest_of(raw: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    import hashlib

    return hashlib.sha256(raw).hexdigest()


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file that is not itself a link; a pipe does not make it wait.

    Raises:
        BundleError: it is no plain file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        raise BundleError(f"{path.name} in the bundle is missing or no plain file.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleError(f"{path.name} in the bundle is no plain file.")
    return os.fdopen(descriptor, "rb")


def check_files(folder: Path, entries: tuple[Entry, ...]) -> None:
    """Check that a folder holds exactly the manifest's files, every byte of them.

    Raises:
        BundleError: a file is extra, missing, changed, or no plain file.
    """
    wanted = {entry.path: entry for entry in entries}
    for found in _walk(folder):
        if found not in wanted and found not in ("manifest", "manifest.sig"):
            raise BundleError(f"The bundle holds {found!r}, which its manifest does not name.")
    for entry in entries:
        if hash_file(folder / entry.path) != (entry.digest, entry.size):
            raise BundleError(
                f"{entry.path} in the bundle was changed after it was signed.",
                hint="Get the bundle again from where it was made.",
            )


def _walk(folder: Path) -> list[str]:
    """Everything below a folder that is not itself a folder; links are not followed."""
    found = []
    for root, folders, files in os.walk(folder, followlinks=False):
        for name in folders:
            if (Path(root) / name).is_symlink():
                raise BundleError(f"{name!r} in the bundle is a link.")
        found += [(Path(root) / name).relative_to(folder).as_posix() for name in files]
    return found
