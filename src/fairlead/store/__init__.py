"""The one store of records, events and leases, and the blobs beside it."""

from fairlead.store.open import BLOBS, STORES, open_blobs, open_store
from fairlead.store.types import ABSENT, Blobs, Delete, Event, Put, Store, Stored

__all__ = [
    "ABSENT",
    "BLOBS",
    "STORES",
    "Blobs",
    "Delete",
    "Event",
    "Put",
    "Store",
    "Stored",
    "open_blobs",
    "open_store",
]
