"""Opening a bundle: who signed it, then every byte, and only then what it says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from fairlead.bundle.files import check_files, digest_of, open_plain
from fairlead.bundle.keys import KeyRing
from fairlead.bundle.manifest import read_manifest
from fairlead.bundle.types import FORMAT, Bundle, BundleInfo
from fairlead.errors import BundleError
from fairlead.names import is_name

MANIFEST_BYTES_MAX = 4 << 20
SIGNATURE_FILE_BYTES_MAX = 4096

_decode = msgspec.json.Decoder(BundleInfo).decode


def open_bundle(path: Path, keys: KeyRing, *, expect_digest: str | None = None) -> Bundle:
    """Verify a bundle, then read what it says.

    Args:
        path: its folder.
        keys: whose signatures are accepted.
        expect_digest: the digest it must have, if that is known.

    Raises:
        BundleError: it is not whole, not signed by someone trusted, not the one expected, or
            of a format that is not known.
    """
    try:
        with open_plain(path / "manifest") as file:
            manifest = file.read(MANIFEST_BYTES_MAX + 1)
        with open_plain(path / "manifest.sig") as file:
            signature = file.read(SIGNATURE_FILE_BYTES_MAX)
    except BundleError:
        raise BundleError(f"{path.name} is not a bundle: it has no signed manifest.") from None
    return read_verified(path, manifest, signature, keys, expect_digest)


def read_verified(
    path: Path, manifest: bytes, signature: bytes, keys: KeyRing, expect_digest: str | None
) -> Bundle:
    """As `open_bundle`, with the manifest and its signature read already."""
    if len(manifest) > MANIFEST_BYTES_MAX:
        raise BundleError("The bundle's manifest is too long.")
    signer = keys.verify(manifest, signature)
    digest = digest_of(manifest)
    if expect_digest is not None and digest != expect_digest:
        raise BundleError("This is another bundle than the one that was asked for.")
    check_files(path, read_manifest(manifest))
    return Bundle(path, digest, parse_info(read_file_at(path, manifest, "bundle.json")), signer)


def parse_info(raw: bytes) -> BundleInfo:
    """Read `bundle.json`.

    Raises:
        BundleError: it is of a newer format, or holds what this format does not know.
    """
    try:
        info = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(
            f"bundle.json in the bundle cannot be read: {error}.",
            hint="It may need a newer Fairlead.",
        ) from None
    if info.format != FORMAT:
        raise BundleError(
            f"The bundle has format {info.format}; this Fairlead reads {FORMAT}.",
            hint="Upgrade Fairlead on this machine.",
        )
    if not is_name(info.name):
        raise BundleError("bundle.json in the bundle has a model name that is not valid.")
    return info


def read_file(bundle: Bundle, path: str) -> bytes:
    """A file of a bundle, checked again: what was swapped since it was opened is refused.

    Raises:
        BundleError: the bundle has no such file, or it was changed.
    """
    with open_plain(bundle.path / "manifest") as file:
        manifest = file.read(MANIFEST_BYTES_MAX)
    if digest_of(manifest) != bundle.digest:
        raise BundleError("The bundle's manifest was changed while it was in use.")
    return read_file_at(bundle.path, manifest, path)


def read_file_at(folder: Path, manifest: bytes, path: str) -> bytes:
    """A file whose bytes are as a verified manifest says."""
    entries = {entry.path: entry for entry in read_manifest(manifest)}
    if path not in entries:
        raise BundleError(f"The bundle has no file {path}.")
    with open_plain(folder / path) as file:
        raw = file.read()
    if digest_of(raw) != entries[path].digest:
        raise BundleError(f"{path} in the bundle was changed while it was in use.")
    return raw
