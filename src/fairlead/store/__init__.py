"""The one store of records, events and leases, and the blobs beside it."""

from fairlead.store.types import ABSENT, Blobs, Delete, Event, Put, Store, Stored

__all__ = ["ABSENT", "Blobs", "Delete", "Event", "Put", "Store", "Stored"]
