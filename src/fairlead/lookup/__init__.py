"""Tables of rows by key, published whole and read on the request path."""

from fairlead.lookup.keys import KEY_BYTES_MAX, encode_key
from fairlead.lookup.open import TABLES, check_url, open_tables
from fairlead.lookup.types import Key, Row, Snapshot, Table, Tables

__all__ = [
    "KEY_BYTES_MAX",
    "TABLES",
    "Key",
    "Row",
    "Snapshot",
    "Table",
    "Tables",
    "check_url",
    "encode_key",
    "open_tables",
]
