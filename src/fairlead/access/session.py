"""What a browser holds after a person has signed in: a signed word that runs out.

Cookies go to every port of a host. So neither key nor password is put into one: what another
server on the same machine might see is good for these pages alone, and for a day at most.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass

import msgspec

LIFE_S = 86_400
RANDOM_BYTES = 16


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Who signed in, and when.

    Args:
        subject: `key:ID`, `user:NAME` or `link:NAME` of who asked for the link.
        stamp: of the user or of the home's links, as it was.
        issued_s: seconds since 1970.
        random: tells it from every other one.
    """

    subject: str
    stamp: str
    issued_s: int
    random: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Writes and reads sessions; there is nothing to keep.

    Args:
        name: of the cookie, unlike that of another platform on the same host.
        secret: what sessions are signed with; those of another secret are not valid.
        secure: whether the pages are reached over TLS alone.
    """

    name: str
    secret: bytes
    secure: bool

    @property
    def cookie(self) -> str:
        """The cookie's name; with TLS one that no neighbour of this host may set."""
        return f"__Host-{self.name}" if self.secure else self.name

    def open(self, subject: str, stamp: str, now_us: int) -> str:
        """The value of `Set-Cookie` that begins a session, a new one each time.

        Args:
            subject: who signed in.
            stamp: of the user, or of the home's links.
            now_us: microseconds since 1970.
        """
        random = secrets.token_hex(RANDOM_BYTES)
        session = Session(subject, stamp, now_us // 1_000_000, random)
        value = base64.urlsafe_b64encode(msgspec.json.encode(session)).decode().rstrip("=")
        return self._set(f"{value}.{self._sign('session', value)}")

    def close(self) -> str:
        """The value of `Set-Cookie` that ends a session."""
        return f"{self._set('')}; Max-Age=0"

    def read(self, cookies: bytes, now_us: int) -> tuple[Session, str] | None:
        """The session in a request.

        Args:
            cookies: the header `Cookie`.
            now_us: microseconds since 1970.

        Returns:
            The session, and the word that its changes must carry; None if there is none, or it
            has run out.
        """
        value, _, signature = self._value(cookies).rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", value).encode()):
            return None
        try:
            raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            session = msgspec.json.decode(raw, type=Session)
        except (binascii.Error, msgspec.DecodeError):  # signed by another version of Fairlead
            return None
        age_s = now_us // 1_000_000 - session.issued_s
        return (session, self._sign("csrf", value)) if 0 <= age_s < LIFE_S else None

    def _value(self, cookies: bytes) -> str:
        for pair in cookies.decode("latin-1").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self.cookie:
                return value
        return ""

    def _set(self, value: str) -> str:
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _sign(self, use: str, value: str) -> str:
        return hmac.digest(self.secret, f"{use}:{value}".encode("latin-1"), "sha256").hex()
