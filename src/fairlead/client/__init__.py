"""Fairlead from Python: ask endpoints, send labels. The standard library and msgspec suffice."""

from fairlead.client.client import Client

__all__ = ["Client"]
