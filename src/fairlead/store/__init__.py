"""The one store of records, events and leases, and the blobs beside it."""

from fairlead.store.open import BLOBS, STORES, check_urls, open_blobs, open_store
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
    "check_urls",
    "open_blobs",
    "open_store",
]
