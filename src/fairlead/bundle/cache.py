"""Bundles fetched from a blob store, extracted and verified, in one folder of a machine."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path

from fairlead.bundle.archive import unpack
from fairlead.bundle.keys import KeyRing
from fairlead.bundle.read import open_bundle
from fairlead.bundle.types import Bundle
from fairlead.errors import BundleError
from fairlead.store import Blobs
from fairlead.store.sweep import sweep

DIGEST = re.compile(r"[0-9a-f]{64}")


class BundleCache:
    """Gives bundles by digest; several processes may share its folder.

    Args:
        blobs: where bundles' archives lie.
        folder: of the extracted bundles, each named by its digest.
        keys: whose signatures are accepted.
    """

    def __init__(self, blobs: Blobs, folder: Path, keys: KeyRing) -> None:
        self._blobs = blobs
        self._folder = folder
        self._keys = keys

    def get(self, blob: str, digest: str) -> Bundle:
        """A bundle, every byte of it verified now, fetched first if need be.

        A folder that was damaged since it was extracted is thrown away and fetched again.

        Args:
            blob: the archive's key in the blob store.
            digest: the bundle's.

        Raises:
            BundleError: the archive is damaged or forged, or the digest is none.
            NotFoundError: the blob store has no such archive.
            StorageError: the folder cannot be written.
        """
        if not DIGEST.fullmatch(digest):
            raise BundleError("The digest of the bundle is not one: 64 hexadecimal digits.")
        folder = self._folder / digest
        if folder.exists():
            try:
                return open_bundle(folder, self._keys, expect_digest=digest)
            except BundleError:
                shutil.rmtree(folder, ignore_errors=True)
        archive = self._folder / f"{digest}-{uuid.uuid4().hex}.fairlead"
        try:
            self._blobs.fetch(blob, archive)
            return unpack(archive, folder, self._keys, expect_digest=digest)
        finally:
            archive.unlink(missing_ok=True)

    def drop(self, digest: str) -> None:
        """Remove a bundle that will not be asked for again, if it is here."""
        if DIGEST.fullmatch(digest):
            shutil.rmtree(self._folder / digest, ignore_errors=True)

    def sweep(self, before_s: float) -> None:
        """Remove what killed processes left half fetched, extracted or packaged.

        Args:
            before_s: when it must have been written last, seconds since 1970.
        """
        leftovers = (p for p in self._folder.glob("*") if not DIGEST.fullmatch(p.name))
        sweep(leftovers, before_s)
