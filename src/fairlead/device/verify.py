"""Who signed the bundle in a package, found without keeping what finds it in memory.

The library of signatures takes 7 MB, for a millisecond's work. So a process that ends at once
looks first; unless it says yes, whatever the reason, this one looks for itself.
"""

from __future__ import annotations

from pathlib import Path

from fairlead.device.apart import ended_well, start
from fairlead.device.types import BUNDLE, Manifest
from fairlead.errors import BundleError
from fairlead.signing import signer_of

APART = f"""
import sys
path, digest, signer, *sys.path = sys.argv[1:]
import hashlib, zipimport
from fairlead.signing import signer_of
read = zipimport.zipimporter(path).get_data
manifest, signature = read("{BUNDLE}manifest"), read("{BUNDLE}manifest.sig")
same = hashlib.sha256(manifest).hexdigest() == digest
sys.exit(0 if same and signer_of(manifest, signature) == signer else 1)
"""


def verify(package: Path, raw: bytes, signature: bytes, manifest: Manifest) -> None:
    """Refuse a bundle that the maker of its package did not sign.

    Args:
        package: that it is in.
        raw: the bundle's manifest, of the digest that the package's names.
        signature: of it.
        manifest: of the package.

    Raises:
        BundleError: the signature is not right, or is another's.
    """
    if _verified_apart(package, manifest) or signer_of(raw, signature) == manifest.signer:
        return
    raise BundleError(
        f"The bundle in {package.name} was signed by another key than that of its maker.",
        hint="Copy the package again from where it was made.",
    )


def _verified_apart(package: Path, manifest: Manifest) -> bool:
    """Whether a process of its own says that all is right; False if it cannot be asked."""
    return ended_well(start(APART, str(package), manifest.digest, manifest.signer))
