"""Which arm answers: a hash of (salt, unit) to one of 10,000 slots, and the slots' owners."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.ids import Ids
from fairlead.routing.types import SLOTS, Arm


def slot_of_unit(salt: str, unit: str) -> int:
    """The slot that a unit keeps for as long as the salt stands.

    BLAKE2b keyed by the salt: endpoints with other salts assign independently, which a CRC,
    being linear, would not do.

    Args:
        salt: the endpoint's, at most 64 bytes of UTF-8.
        unit: the key that assignment sticks to.

    Returns:
        0 to 9,999.

    Example:
        >>> slot_of_unit("a", "user-1") == slot_of_unit("a", "user-1")
        True
    """
    import hashlib  # devices, which know a route's words alone, have no memory for it

    digest = hashlib.blake2b(
        unit.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()
    )
    return int.from_bytes(digest.digest(), "big") % SLOTS


def slot_of_request(ids: Ids) -> int:
    """The slot of a request without a unit: from random bits of its first prediction id.

    Args:
        ids: of its rows.

    Returns:
        0 to 9,999.
    """
    return ids.low % SLOTS


def owners(arms: Sequence[Arm]) -> bytes:
    """A table from slot to the place of the arm that owns it.

    Args:
        arms: at most 255, which together own every slot exactly once.

    Returns:
        10,000 bytes, each an index into `arms`.

    Raises:
        ValueError: a slot has no owner, or two.

    Example:
        >>> from fairlead.routing.types import VersionRef
        >>> version = VersionRef("m:1", "", "")
        >>> table = owners([Arm("stable", version, "stable", ((0, 9_000),)),
        ...                 Arm("candidate", version, "candidate", ((9_000, 10_000),))])
        >>> table[0], table[9_500]
        (0, 1)
    """
    table = bytearray(b"\xff" * SLOTS)
    for place, arm in enumerate(arms):
        for start, end in arm.slots:
            if not 0 <= start < end <= SLOTS or any(o != 0xFF for o in table[start:end]):
                raise ValueError(f"arm '{arm.name}' claims slots {start} to {end} wrongly")
            table[start:end] = bytes([place]) * (end - start)
    if 0xFF in table:
        raise ValueError(f"slot {table.index(0xFF)} belongs to no arm")
    return bytes(table)
