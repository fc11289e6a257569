"""The shell that compares a day's rows with those of a version's first week, over all fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from fairlead.clock import Clock
from fairlead.errors import ConflictError, StorageError
from fairlead.logs import tell_error
from fairlead.monitoring.accounts import STATEMENTS
from fairlead.monitoring.columns import TABULAR
from fairlead.monitoring.domain import ROWS_MIN, Domain
from fairlead.monitoring.gather import Gatherer
from fairlead.monitoring.joint import JOINTS, Joint, day_due, judge_day
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import Stream
from fairlead.monitoring.sample import encode, sample
from fairlead.signature import Signature
from fairlead.store import ABSENT, Blobs, Put, Store, Stored

GRACE_US = 900_000_000
RETRY_S = 3600.0
FIELDS_MAX = 100

Rows = npt.NDArray[np.float64]
Tell = Callable[[Rows, Rows], Domain]
"""Says how well two samples can be told apart."""


class Comparer:
    """Looks at each day of each stream once, when it is over.

    What it costs is bounded, whatever the traffic: some dozens of files are opened, 2000 rows of
    each side and the first hundred fields are compared.

    Args:
        store: of segments and of what was found.
        blobs: of the sealed files.
        models: what a version promised, by its name; None if it is not known.
        streams: that are to be looked at.
        alarms: of an endpoint that may be false, in a month.
        tell: how samples are told apart.
        clock: tells which days are over.
    """

    def __init__(
        self, store: Store, blobs: Blobs, models: Callable[[str], Model | None],
        streams: Callable[[], Iterable[Stream]], alarms: Callable[[str], float], tell: Tell,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._store = store
        self._blobs = blobs
        self._log = Gatherer(store, blobs)
        self._models = models
        self._streams = streams
        self._alarms = alarms
        self._tell = tell
        self._clock = clock
        self._retry_s: dict[Stream, float] = {}

    def tick(self) -> None:
        """Look at every day that is over and was not looked at.

        Raises:
            StorageError: one could not be; it is tried again an hour later.
        """
        failed = []
        for stream in sorted(self._streams(), key=lambda one: one.place):
            if self._clock.monotonic_s() < self._retry_s.get(stream, 0.0):
                continue
            try:
                self._follow(stream)
            except ConflictError:
                continue  # someone else was first
            except Exception as error:  # of this one stream, whatever it is
                tell_error("attempt_failed", error, what=f"The days of {stream.place}")
                self._retry_s[stream] = self._clock.monotonic_s() + RETRY_S
                failed.append(stream.place)
        if failed:
            raise StorageError(f"A day of {', '.join(failed)} cannot be compared.")

    def _follow(self, stream: Stream) -> None:
        model, stored = self._models(stream.version), self._known(stream)
        if model is None or stored is None:
            return
        start_us = day_due(stored.value, self._clock.now_us(), GRACE_US)
        if start_us is None:
            return
        names, found = self._compare(stream, model.signature, stored.value, start_us)
        alarms = self._alarms(stream.endpoint)
        judged = judge_day(stored.value, start_us, found, names, alarms)
        self._store.commit(Put(JOINTS, stored.key, judged, stored.revision))

    def _known(self, stream: Stream) -> Stored[Joint] | None:
        """What is remembered of a stream; None before its first window was settled."""
        key = JOINTS.key(stream.place)
        stored = self._store.get(JOINTS, key)
        if stored is not None:
            return stored
        settled = self._store.scan(STATEMENTS, f"{stream.place}/")
        if not settled:
            return None
        joint = Joint(stream=stream, start_us=settled[0].value.start_us)
        self._store.commit(Put(JOINTS, key, joint, ABSENT))
        return self._store.get(JOINTS, key)

    def _compare(
        self, stream: Stream, signature: Signature, joint: Joint, start_us: int
    ) -> tuple[list[str], Domain | None]:
        """The names of the fields, and what was found; None if there are too few rows."""
        fields = [field for field in signature.inputs if field.kind in TABULAR][:FIELDS_MAX]
        day = start_us, start_us + DAY_US
        first, now = (
            sample(
                self._blobs, self._log.files("predictions", stream.endpoint, *span), stream, span,
                fields, seed=start_us // DAY_US,
            )
            for span in (joint.reference, day)
        )  # fmt: skip
        names, reference, current = encode(fields, first, now)
        if not names or min(len(reference), len(current)) < ROWS_MIN:
            return names, None
        return names, self._tell(reference, current)
