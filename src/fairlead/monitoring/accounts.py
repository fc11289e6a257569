"""What bookkeeping keeps in the store: a statement of each window, an account of each stream."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fairlead.monitoring.business import Worth
from fairlead.monitoring.divide import Sliced
from fairlead.monitoring.explain import Explanation
from fairlead.monitoring.guard import Guard, Moments
from fairlead.monitoring.ledger import Ledger, Tally
from fairlead.monitoring.performance import Coverage
from fairlead.monitoring.records import Stream
from fairlead.records import Kind
from fairlead.stats import Estimate


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers of one window were, as far as labels tell; made anew when more come.

    Where a prediction was labelled more than once, the latest label counts for what is shown,
    the first for what is tested.

    Args:
        stream: that answered.
        start_us: of the window, microseconds since 1970.
        end_us: of the window.
        settled_us: when it was made.
        coverage: how many rows have a label, and how late these came.
        realised: accuracy or rmse of the labelled rows.
        tally: what metrics are estimated from; None without an estimator.
        ledger: metrics, estimated and realised; None without an estimator.
        duplicates: labels beyond the first of their prediction.
        contradicted: predictions with labels that are not the same.
        first: losses by the first labels, by their kind: what went into tests.
        worth: what goals add up to.
        goals: their values, where they are defined.
        failed: goals that could not be had, and why.
        slices: its rows, and their losses by the latest labels, by field and value.
    """

    stream: Stream
    start_us: int
    end_us: int
    settled_us: int
    coverage: Coverage = Coverage()
    realised: dict[str, Estimate] = {}
    tally: Tally | None = None
    ledger: Ledger | None = None
    duplicates: int = 0
    contradicted: int = 0
    first: dict[str, Moments] = {}
    worth: dict[str, Worth] = {}
    goals: dict[str, Estimate] = {}
    failed: dict[str, str] = {}
    slices: Sliced = {}


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """Rows whose first labels were read in the same hour, whenever these were answered.

    Args:
        opened_us: when the first of them was read, microseconds since 1970.
        until_us: end of the last window of which there are rows.
        losses: by kind.
    """

    opened_us: int
    until_us: int
    losses: dict[str, Moments]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a stream.

    Args:
        stream: that is accounted for.
        due: starts of windows that are to be settled, and from when on, microseconds since 1970.
        intake: labelled rows that were not tested yet.
        foreseen: losses that are expected of rows that were not tested yet.
        guards: by the name of what they guard.
        unexplained: guards that have proven harm which was not looked into yet.
        explanations: of proven harm, by guard.
    """

    stream: Stream
    due: dict[int, int] = {}
    intake: Intake | None = None
    foreseen: Moments = Moments()
    guards: dict[str, Guard] = {}
    unexplained: tuple[str, ...] = ()
    explanations: dict[str, Explanation] = {}


class Booked(msgspec.Struct, frozen=True):
    """A sealed file of the log that was read.

    Args:
        windows: that it has something for.
    """

    windows: int


class Strays(msgspec.Struct, frozen=True, kw_only=True):
    """Labels of an endpoint that were read, and those that are of no prediction in the log.

    Args:
        endpoint: whose.
        labels: that were read.
        unknown: of these, whose prediction is not in the log.
        last_us: when the last such one was read, microseconds since 1970.
    """

    endpoint: str
    labels: int = 0
    unknown: int = 0
    last_us: int | None = None


STATEMENTS = Kind("statement", Statement)
ACCOUNTS = Kind("account", Account)
BOOKED = Kind("booked", Booked)
STRAYS = Kind("stray", Strays)


def shorten(statement: Statement) -> Statement:
    """What is kept of a statement for long: coverage, realised metrics and tested losses."""
    return replace(statement, tally=None, ledger=None, slices={})
