"""What is known of a table of predictions, and what its rows are found by."""

from __future__ import annotations

import msgspec

from fairlead.signature import Field

PREFIX = "precomputed."


class Precomputed(msgspec.Struct, frozen=True, kw_only=True):
    """What the snapshot of a table says of its predictions.

    Args:
        version: that made them: `churn:7`.
        digest: of its bundle.
        made_us: when, microseconds since 1970.
        key: the column that they are found by.
        outputs: of the version; a row holds the id of its prediction, then one value for each.
    """

    version: str
    digest: str
    made_us: int
    key: str
    outputs: tuple[Field, ...]


def table_of(endpoint: str) -> str:
    """The look-up table of an endpoint's predictions."""
    return f"{PREFIX}{endpoint}"


def key_text(key: object) -> str | None:
    """A key as tables of predictions have it: a path holds only texts, so 7 and `7` are one.

    Returns:
        None if it is none.

    Example:
        >>> key_text(7), key_text("7"), key_text(7.0), key_text(True)
        ('7', '7', None, None)
    """
    return str(key) if type(key) in (str, int) else None


def about(made: Precomputed) -> str:
    """What is kept with a snapshot."""
    return msgspec.json.encode(made).decode()
