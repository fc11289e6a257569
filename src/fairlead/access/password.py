"""What is kept of a password, and whether one is it."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from hashlib import scrypt

import msgspec

from fairlead.access.types import Password
from fairlead.errors import ConfigError

LENGTH_MIN = 12
LENGTH_MAX = 200
SALT_BYTES = 16
_NOBODY = "0" * 128


class Cost(msgspec.Struct, frozen=True):
    """What a try costs: 32 MB and a quarter of a second, as OWASP has it for scrypt."""

    n: int = 2**15
    r: int = 8
    p: int = 3


COST = Cost()


def keep(password: str, cost: Cost = COST) -> Password:
    """What is kept of a password, with a salt of its own.

    Raises:
        ConfigError: it is too short or too long.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise ConfigError(
            f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.",
            hint="A few words in a row are easy to remember and hard to find.",
        )
    salt = secrets.token_hex(SALT_BYTES)
    return Password(salt, cost.n, cost.r, cost.p, _digest(password, salt, cost))


def fits(password: str, kept: Password | None, cost: Cost = COST) -> bool:
    """Whether a password is the one that was kept; None is that of nobody, and takes as long."""
    known = kept or Password("", cost.n, cost.r, cost.p, _NOBODY)
    digest = _digest(password[:LENGTH_MAX], known.salt, Cost(known.n, known.r, known.p))
    return hmac.compare_digest(digest, known.digest) and kept is not None


def _digest(password: str, salt: str, cost: Cost) -> str:
    text = unicodedata.normalize("NFKC", password).encode(errors="replace")
    memory = 128 * cost.r * (cost.n + cost.p + 2) + 1_000_000
    made = scrypt(
        text, salt=bytes.fromhex(salt), n=cost.n, r=cost.r, p=cost.p, maxmem=memory, dklen=64
    )
    return made.hex()
