"""The text that a caller shows: `fl_<id>_<random>`.

Its random part has 256 bits, so nobody finds it by trying, however fast a try is. Slow hashes
(bcrypt, Argon2) make up for passwords that people choose; here one SHA-256 is enough, and what
the store holds gives no secret away. The id is no secret: it finds the one key whose digest is
then compared, in constant time.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from fairlead.access.types import Key

MARK = "fl"
ID_BYTES = 6
RANDOM_BYTES = 32
LENGTH_MAX = 200
_BEARER = b"bearer "
_NOBODY = "0" * 64


def write_secret(key_id: str, random: bytes) -> str:
    """Put a secret together.

    Args:
        key_id: hexadecimal.
        random: 32 bytes that nobody can foresee.

    Example:
        >>> write_secret("a1b2c3d4e5f6", bytes(32))[:20]
        'fl_a1b2c3d4e5f6_0000'
    """
    return f"{MARK}_{key_id}_{random.hex()}"


def id_of(secret: bytes) -> str:
    """The id of the key that a secret says it is of; empty if it is not written as one."""
    parts = secret.split(b"_", 2)
    if len(parts) != 3 or parts[0] != b"fl" or len(secret) > LENGTH_MAX:
        return ""
    return parts[1].decode("latin-1")


def digest_of(secret: bytes) -> str:
    """What is kept of a secret: its SHA-256, hex."""
    return sha256(secret).hexdigest()


def is_of(secret: bytes, key: Key | None) -> bool:
    """Whether a secret is that of a key, compared in constant time; False if there is no key."""
    digest = _NOBODY if key is None else key.digest
    return hmac.compare_digest(digest_of(secret), digest) and key is not None


def secret_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The secret that a request shows, as `Authorization: Bearer …` or `x-api-key`.

    Args:
        headers: names in lower case.

    Returns:
        The secret as sent; None if there is none.

    Example:
        >>> secret_of({b"authorization": b"Bearer fl_x_y"}), secret_of({b"x-api-key": b"fl_x_y"})
        (b'fl_x_y', b'fl_x_y')
    """
    authorization = headers.get(b"authorization")
    if authorization is not None and authorization[:7].lower() == _BEARER:
        return authorization[7:].strip()
    return headers.get(b"x-api-key")
