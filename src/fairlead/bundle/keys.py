"""Who signs bundles here, and whose signatures are accepted: Ed25519."""

from __future__ import annotations

import os
import re
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.errors import BundleError, ConfigError
from fairlead.signing import DOMAIN, signer_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class KeyRing:
    """The keys of one home.

    Args:
        folder: of the keys; made, with a signing key in it, on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        """The signing key. Of processes that make one at the same moment, the first wins."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = self._folder / "signing.key"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = path.with_name(f".{uuid.uuid4().hex}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(Ed25519PrivateKey.generate().private_bytes_raw())
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        try:
            return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        except ValueError:
            raise ConfigError(
                f"{path} is not a signing key.",
                hint="Restore it; or move it away, and old bundles must be trusted by key.",
            ) from None

    @property
    def public(self) -> str:
        """This home's public key, hex."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, manifest: bytes) -> bytes:
        """The bytes of `manifest.sig`: public key and signature."""
        signature = self._private.sign(DOMAIN + manifest)
        return self._private.public_key().public_bytes_raw() + signature

    def trust(self, public: str, name: str) -> None:
        """Accept another home's signatures from now on.

        Args:
            public: its public key, hex.
            name: who that is, for people.

        Raises:
            ConfigError: it is not a key.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", public):
            raise ConfigError("A public key is 64 hexadecimal digits.")
        trusted = self._folder / "trusted"
        trusted.mkdir(parents=True, exist_ok=True, mode=0o700)
        (trusted / public).write_text(f"{name}\n")

    def verify(self, manifest: bytes, signature: bytes) -> str:
        """Check who signed a manifest.

        Returns:
            The signer's public key, hex.

        Raises:
            BundleError: the signature is not right, or the signer is not trusted.
        """
        signer = signer_of(manifest, signature)
        if not (self._folder / "trusted" / signer).exists() and signer != self.public:
            raise BundleError(
                f"The bundle was signed by a key that is not trusted here: {signer}.",
                hint="If that is whom you expect: fairlead import FILE --trust KEY.",
            )
        return signer
