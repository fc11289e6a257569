"""SHA-256 by Python itself: OpenSSL, which `hashlib` loads, takes 3.5 MB of a device's memory."""

from __future__ import annotations

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # of Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:  # a Python that was built without them
        from hashlib import sha256


def digest_of(raw: bytes) -> str:
    """The SHA-256 of bytes, in hex.

    Example:
        >>> digest_of(b"abc")[:16]
        'ba7816bf8f01cfea'
    """
    return str(sha256(raw).hexdigest())
