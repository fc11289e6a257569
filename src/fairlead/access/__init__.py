"""Who may ask for what: keys, what is left of their limits, sessions, and which sites may send."""

from fairlead.access.book import KeyBook
from fairlead.access.gate import Gate
from fairlead.access.secret import secret_of
from fairlead.access.session import Sessions
from fairlead.access.sites import Fault, Sites, fault_of
from fairlead.access.types import KEYS, SCOPES, Key, Scope

__all__ = [
    "KEYS",
    "SCOPES",
    "Fault",
    "Gate",
    "Key",
    "KeyBook",
    "Scope",
    "Sessions",
    "Sites",
    "fault_of",
    "secret_of",
]
