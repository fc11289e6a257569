"""Secrets in files that their owner alone can read."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path


def read_or_make(file: Path, make: Callable[[], str]) -> str:
    """The secret in a file. Of processes that make one at the same moment, the first wins.

    Args:
        file: that holds it.
        make: one that nobody can foresee.
    """
    if not file.exists():
        temporary = file.with_name(f".{uuid.uuid4().hex}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(temporary, flags, 0o600), "w") as opened:
            opened.write(make())
        try:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, file)
        finally:
            temporary.unlink()
    return file.read_text(encoding="ascii").strip()
