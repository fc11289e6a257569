"""Work on many things of which each may fail, none of them at the others' expense."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fairlead.clock import Clock
from fairlead.errors import ConflictError, FairleadError, StorageError
from fairlead.logs import tell_error

RETRY_S = 15.0


@dataclass(frozen=True, slots=True)
class _Failed:
    why: str
    retry_s: float


class Attempts:
    """Remembers what failed, so that it is told until it is done, and not tried all the time.

    Args:
        clock: for the pace.
        told: of what failed: `The journal {} cannot be sealed`.
    """

    def __init__(self, clock: Clock, told: str) -> None:
        self._clock = clock
        self._told = told
        self._failed: dict[str, _Failed] = {}

    @property
    def all_done(self) -> bool:
        """Whether nothing failed that was not done since."""
        return not self._failed

    def attempt(self, name: str, work: Callable[[], object]) -> None:
        """Do a piece of work, unless it failed a moment ago."""
        failed = self._failed.get(name)
        if failed is not None and self._clock.monotonic_s() < failed.retry_s:
            return
        self._failed.pop(name, None)
        try:
            work()
        except ConflictError:
            return  # someone else was first
        except FairleadError as error:
            why = str(error)
        except Exception as error:  # of this one thing, whatever it is
            tell_error("attempt_failed", error, what=self._told.format(name))
            why = f"it failed with {type(error).__name__}."
        else:
            return
        self._failed[name] = _Failed(why, self._clock.monotonic_s() + RETRY_S)

    def settle(self, names: Iterable[str]) -> None:
        """End a round.

        Args:
            names: of all there is to work on; what is not among them is forgotten.

        Raises:
            StorageError: something failed and is not done yet.
        """
        there = set(names)
        self._failed = {name: failed for name, failed in self._failed.items() if name in there}
        if self._failed:
            (name, failed), *others = self._failed.items()
            more = f" (and {len(others)} more)" if others else ""
            raise StorageError(f"{self._told.format(name)}{more}: {failed.why}")
