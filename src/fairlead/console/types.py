"""The values of this package."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.access import Scope, grants


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page.

    Args:
        actor: their name, as the audit tells it.
        role: the greatest whose work they may do; empty if none.
        csrf: the word that their changes must carry.
        scopes: what they may do.
        has_password: whether it is a user, in a session that their password began.
    """

    actor: str = ""
    role: str = ""
    csrf: str = ""
    scopes: tuple[Scope, ...] = ()
    has_password: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs a scope."""
        return grants(self.scopes, scope)


NOBODY = Viewer()
