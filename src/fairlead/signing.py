"""Signatures of manifests: Ed25519 over a domain and the manifest, behind the signer's public key.

The library that knows it is imported when something is verified: not by who only reads.
"""

from __future__ import annotations

from fairlead.errors import BundleError

DOMAIN = b"fairlead bundle manifest\n"
KEY_BYTES, SIGNATURE_BYTES = 32, 64


def signer_of(manifest: bytes, signature: bytes) -> str:
    """Who signed a manifest, trusted or not.

    Args:
        manifest: its bytes.
        signature: the bytes of `manifest.sig`.

    Returns:
        The signer's public key, hex.

    Raises:
        BundleError: the signature is not right.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(signature) != KEY_BYTES + SIGNATURE_BYTES:
        raise BundleError("The bundle's signature is not of the right length.")
    key = signature[:KEY_BYTES]
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature[KEY_BYTES:], DOMAIN + manifest)
    except (InvalidSignature, ValueError):
        raise BundleError(
            "The bundle's signature is not right: its manifest was changed after signing.",
            hint="Get the bundle again from where it was made.",
        ) from None
    return key.hex()
