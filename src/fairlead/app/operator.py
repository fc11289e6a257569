"""The operator's key: with it the commands of a home speak to the home's own platform.

Its secret lies in the home, for the home's owner alone, who could change everything in it anyway.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from fairlead.access import SCOPES, Key, KeyBook
from fairlead.access.secret import ID_BYTES, RANDOM_BYTES, id_of, is_of, write_secret
from fairlead.app.secret_file import read_or_make
from fairlead.clock import Clock
from fairlead.errors import ConflictError

NAME = "operator"


def operator_secret(file: Path, book: KeyBook, clock: Clock) -> str:
    """The secret of the operator's key, which is made on first use, and anew once revoked.

    Args:
        file: that holds the secret.
        book: of the platform's keys.
        clock: for their times.
    """
    while True:
        secret = read_or_make(file, _make)
        key_id = id_of(secret.encode())
        key = book.get(key_id) if key_id else None
        if key_id and key is None:
            _enter(key_id, secret, book, clock)
            return secret
        if key is not None and key.revoked_us is None and is_of(secret.encode(), key):
            return secret
        file.unlink(missing_ok=True)  # it is of no use any more


def _enter(key_id: str, secret: str, book: KeyBook, clock: Clock) -> None:
    made = Key(id=key_id, name=NAME, digest="", scopes=SCOPES, created_us=clock.now_us())
    with contextlib.suppress(ConflictError):  # another process was faster
        book.enter(made, secret, NAME)


def _make() -> str:
    return write_secret(secrets.token_hex(ID_BYTES), secrets.token_bytes(RANDOM_BYTES))
