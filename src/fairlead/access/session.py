"""What a browser holds after a key was pasted: not the key, but a word for it that runs out.

Cookies go to every port of a host. So the key itself is not put into one: what another server on
the same machine might see is good for these pages alone, and for a day at most.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

LIFE_S = 86_400


@dataclass(frozen=True, slots=True)
class Sessions:
    """Writes and reads sessions; there is nothing to keep.

    Args:
        cookie: its name, unlike that of another platform on the same host.
        secret: what sessions are signed with; those of another secret are not valid.
        secure: whether the pages are reached over TLS alone.
    """

    cookie: str
    secret: bytes
    secure: bool

    def open(self, key_id: str, now_us: int) -> str:
        """The value of `Set-Cookie` that begins a session.

        Args:
            key_id: of the key that was shown.
            now_us: microseconds since 1970.
        """
        until_s = now_us // 1_000_000 + LIFE_S
        value = f"{key_id}.{until_s}"
        return self._set(f"{value}.{self._sign(value)}")

    def close(self) -> str:
        """The value of `Set-Cookie` that ends a session."""
        return f"{self._set('')}; Max-Age=0"

    def key_id(self, cookies: bytes, now_us: int) -> str | None:
        """The id of the key that began a session.

        Args:
            cookies: the header `Cookie`.
            now_us: microseconds since 1970.

        Returns:
            The id; None if there is no session, or it has run out.
        """
        try:
            morsel = SimpleCookie(cookies.decode("latin-1")).get(self.cookie)
        except CookieError:
            return None
        value, _, signature = (morsel.value if morsel else "").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(value).encode()):
            return None
        key_id, _, until_s = value.partition(".")
        return key_id if now_us // 1_000_000 < int(until_s) else None

    def _set(self, value: str) -> str:
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _sign(self, value: str) -> str:
        return hmac.digest(self.secret, value.encode(), "sha256").hex()
