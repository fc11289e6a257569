"""The values of this package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page.

    Args:
        actor: their name, as the audit tells it; empty where nobody is asked for one.
        role: what they may do.
        csrf: the word that their changes must carry.
    """

    actor: str = ""
    role: str = ""
    csrf: str = ""


NOBODY = Viewer()
