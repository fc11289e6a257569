"""Who may do what: keys, users, links and sessions, and which sites may send."""

from fairlead.access.book import KeyBook
from fairlead.access.decide import grants, role_of
from fairlead.access.entries import EntryBook
from fairlead.access.gate import Gate
from fairlead.access.links import LinkBook
from fairlead.access.porter import LOCAL, Porter
from fairlead.access.secret import secret_of
from fairlead.access.session import Sessions
from fairlead.access.sites import Fault, Sites, fault_of
from fairlead.access.types import (
    KEYS,
    LINKS,
    ROLES,
    SCOPES,
    USERS,
    Caller,
    Key,
    Link,
    Role,
    Scope,
    User,
)
from fairlead.access.users import UserBook

__all__ = [
    "KEYS",
    "LINKS",
    "LOCAL",
    "ROLES",
    "SCOPES",
    "USERS",
    "Caller",
    "EntryBook",
    "Fault",
    "Gate",
    "Key",
    "KeyBook",
    "Link",
    "LinkBook",
    "Porter",
    "Role",
    "Scope",
    "Sessions",
    "Sites",
    "User",
    "UserBook",
    "fault_of",
    "grants",
    "role_of",
    "secret_of",
]
