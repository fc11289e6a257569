"""Fairlead from Python: ask endpoints, send labels. The standard library and msgspec suffice."""

from fairlead.client.client import Client
from fairlead.client.transport import bearer

__all__ = ["Client", "bearer"]
