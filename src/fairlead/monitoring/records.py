"""What monitoring keeps in the store."""

from __future__ import annotations

import msgspec

from fairlead.monitoring.types import Comparison, Detection, State, Volume, Window
from fairlead.records import Kind


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that one version answers in one role behind one endpoint.

    Args:
        endpoint: that is asked.
        version: that answers.
        role: of its arm.
    """

    endpoint: str
    version: str
    role: str

    @property
    def place(self) -> str:
        """Where its records stand together, as a part of their keys."""
        return f"{self.endpoint}/{self.version}/{self.role}"


class Folded(msgspec.Struct, frozen=True):
    """A sealed file of the log whose rows are in windows.

    Args:
        records: that it changed.
    """

    records: int


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a stream from window to window.

    Args:
        stream: that is watched.
        pending: starts of windows that were not looked at yet, microseconds since 1970, rising.
        until_us: end of the last window that was looked at; rows that come later for windows
            before it are counted, but not tested.
        archived_us: start of the first day whose hours are kept; 0 if that is not known.
        state: of its detectors.
    """

    stream: Stream
    pending: tuple[int, ...] = ()
    until_us: int = 0
    archived_us: int = 0
    state: State = State()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one window; made once, whatever comes late.

    Args:
        stream: that was watched.
        start_us: of the window, microseconds since 1970.
        end_us: of the window.
        comparison: with the reference.
        detection: over all windows so far.
        volume: of the endpoint's rows; None while the past is too short, and of those who do not
            answer in the stable role.
    """

    stream: Stream
    start_us: int
    end_us: int
    comparison: Comparison
    detection: Detection
    volume: Volume | None = None


WINDOWS = Kind("window", Window)
FOLDED = Kind("folded", Folded)
WATCHES = Kind("watch", Watch)
FINDINGS = Kind("finding", Finding)


def moment(time_us: int) -> str:
    """A time as a part of a key; keys sort as times do."""
    return f"{time_us:020d}"


def spans(since_us: int, until_us: int) -> list[str]:
    """What the keys of all times of a span begin with: some tens or a hundred of them, in order."""
    cut = max(len(str(max(until_us - since_us, 0))) - 2, 1)
    step_us = 10**cut
    first, last = since_us // step_us, until_us // step_us
    return [moment(each * step_us)[:-cut] for each in range(first, last + 1)]
