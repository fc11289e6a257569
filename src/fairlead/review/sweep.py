"""The shell that forgets what nobody is asked about any more."""

from __future__ import annotations

from itertools import groupby

from fairlead.ids import parse, time_us
from fairlead.predictionlog.segments import SEGMENTS
from fairlead.review.collect import COLLECTED
from fairlead.review.types import KEEP_US, MEDIA, TASKS
from fairlead.store import Blobs, Delete, Store

SWEEP_US = 86_400_000_000
"""From one sweep to the next; for as long a row may wait in a journal, and more."""


def sweep(store: Store, blobs: Blobs, now_us: int) -> None:
    """Forget tasks that were delivered long ago, and pictures and sound that no task needs.

    Args:
        store: of tasks and segments.
        blobs: with pictures and sound that were kept for reviewers.
        now_us: microseconds since 1970.
    """
    _forget_media(store, blobs, _waiting_us(store, now_us) - SWEEP_US)
    for stored in store.scan(TASKS):
        delivered_us = stored.value.delivered_us
        if delivered_us is not None and now_us - delivered_us > KEEP_US:  # the log has it
            store.commit(Delete(stored.key, stored.revision))


def _waiting_us(store: Store, now_us: int) -> int:
    """From when on rows may wait on the log of which no task was made yet."""
    read = {stored.key for stored in store.scan(COLLECTED)}
    unread = (
        stored.value.low_us
        for stored in store.scan(SEGMENTS, "predictions/")
        if not stored.value.merged and COLLECTED.key(stored.key) not in read
    )
    return min(unread, default=now_us)


def _forget_media(store: Store, blobs: Blobs, before_us: int) -> None:
    for task, keys in groupby(blobs.keys(MEDIA), key=lambda key: key.split("/")[1]):
        stored = store.get(TASKS, TASKS.key(task))
        if stored is None:  # not yet, if it is young
            needed = time_us(parse(task) or bytes(16)) >= before_us
        else:
            needed = stored.value.delivered_us is None
        for key in () if needed else keys:
            blobs.delete(key)
