"""The package a version comes in: one zip file, of which nothing is extracted.

__main__.py       what `python churn.pyz` runs
device.json       what it holds: version, digest and signer of the bundle
bundle/…          the bundle, as it was signed
fairlead/…        this code
"""

from __future__ import annotations

import zlib
from functools import cached_property
from pathlib import Path
from zipimport import ZipImportError, zipimporter

import msgspec

from fairlead.bundle.manifest import Entry, read_manifest
from fairlead.bundle.read import MANIFEST_BYTES_MAX, SIGNATURE_FILE_BYTES_MAX, parse_info
from fairlead.bundle.types import BundleInfo
from fairlead.device.digest import digest_of
from fairlead.device.types import BUNDLE, FORMAT, MANIFEST, Manifest
from fairlead.device.verify import verify
from fairlead.errors import BundleError

DAMAGE = (ZipImportError, OSError, EOFError, zlib.error)
AGAIN = "Copy the package again from where it was made."


class Package:
    """A package, opened: its bundle's signature is verified, and every file when it is read.

    Args:
        path: of the zip file.

    Raises:
        BundleError: it is no package, is damaged, or its bundle is not the one that was packed.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        if not path.is_file():
            raise BundleError(f"There is no file {self.name}.")
        try:
            self._archive = zipimporter(str(path))
            self._archive.invalidate_caches()  # another package may have been here before
        except DAMAGE:
            raise self._damaged() from None
        self.manifest = self._manifest()
        self.entries = self._verified()

    @cached_property
    def info(self) -> BundleInfo:
        """What `bundle.json` says."""
        return parse_info(self.read("bundle.json"))

    def has(self, path: str) -> bool:
        """Whether the bundle has a file, and the package has it too."""
        return path in self.entries and path not in self.manifest.left_out

    def read(self, path: str) -> bytes:
        """A file of the bundle, whose bytes are as its signed manifest says.

        Raises:
            BundleError: there is none, or it was changed.
        """
        entry = self.entries.get(path)
        if entry is None or path in self.manifest.left_out:
            raise BundleError(f"The bundle in {self.name} has no file {path}.")
        raw = self._bytes(BUNDLE + path, entry.size)
        if digest_of(raw) != entry.digest:
            raise BundleError(f"{path} in the bundle was changed after it was signed.", hint=AGAIN)
        return raw

    def check(self) -> int:
        """Read every file: those of the bundle by their digests, all others by checksums.

        Returns:
            How many files of the bundle there are.

        Raises:
            BundleError: one is damaged, missing, or not named by the signed manifest.
        """
        import zipfile

        try:
            with zipfile.ZipFile(self._path) as archive:
                names = archive.namelist()
                broken = archive.testzip()
        except (zipfile.BadZipFile, RuntimeError, *DAMAGE):
            raise self._damaged() from None
        if broken is not None:
            raise self._damaged()
        found = [name for name in names if name.startswith(BUNDLE)]
        known = {BUNDLE + path for path in (*self.entries, "manifest", "manifest.sig")}
        if set(found) - known or len(names) != len(set(names)):
            raise BundleError(
                f"The bundle in {self.name} holds what its manifest does not name.", hint=AGAIN
            )
        wanted = [path for path in self.entries if path not in self.manifest.left_out]
        for path in wanted:
            self.read(path)
        return len(wanted)

    def _manifest(self) -> Manifest:
        try:
            manifest = msgspec.json.decode(self._bytes(MANIFEST, MANIFEST_BYTES_MAX), type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._damaged() from None
        if manifest.format > FORMAT:
            raise BundleError(
                f"{self.name} has format {manifest.format}; this Fairlead reads up to {FORMAT}.",
                hint="Open it with the code that it brings: python " + self.name,
            )
        return manifest

    def _verified(self) -> dict[str, Entry]:
        raw = self._bytes(BUNDLE + "manifest", MANIFEST_BYTES_MAX)
        signature = self._bytes(BUNDLE + "manifest.sig", SIGNATURE_FILE_BYTES_MAX)
        if digest_of(raw) != self.manifest.digest:
            raise BundleError(
                f"{self.name} holds another bundle than the one that it was made for.", hint=AGAIN
            )
        verify(self._path, raw, signature, self.manifest)
        return {entry.path: entry for entry in read_manifest(raw)}

    def _bytes(self, name: str, size_max: int) -> bytes:
        try:
            raw = self._archive.get_data(name)
        except DAMAGE:
            raise BundleError(f"{self.name} lacks {name}, or is damaged.", hint=AGAIN) from None
        if len(raw) > size_max:
            raise self._damaged()
        return raw

    def _damaged(self) -> BundleError:
        return BundleError(f"{self.name} is no package for a device, or is damaged.", hint=AGAIN)
