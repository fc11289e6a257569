"""Who runs this process."""

from __future__ import annotations

import os
import pwd


def user() -> str:
    """The name of this process's user, as the machine knows it, whatever the environment says."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container that is run under any number
        return f"uid-{number}"
