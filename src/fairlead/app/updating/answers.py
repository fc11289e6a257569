"""Answers of versions to the same rows, and how long they take for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from fairlead.bundle import Bundle
from fairlead.runners import Runner
from fairlead.runners.load import answer_in_chunks, load_runner
from fairlead.signature import Batch, from_frame
from fairlead.updates.weigh import Answered

if TYPE_CHECKING:
    import polars as pl

ROWS = 256
ROUNDS = 7


def answer_each_row(
    bundles: Sequence[Bundle], rows: pl.DataFrame, sizes_bytes: Sequence[int], *, allow_pickle: bool
) -> list[Answered]:
    """Ask versions about the same rows, turn about.

    Args:
        bundles: theirs.
        rows: with the inputs of all of them.
        sizes_bytes: of their archives.
        allow_pickle: whether pickled payloads may be loaded.

    Raises:
        InputError: one of them does not take a row.
        ModelError: one of them fails.
    """
    batches = [
        from_frame(bundle.info.signature, rows.select(f.name for f in bundle.info.signature.inputs))
        for bundle in bundles
    ]
    runners = [load_runner(bundle, allow_pickle=allow_pickle) for bundle in bundles]
    try:
        outputs = [
            answer_in_chunks(runner, batch) for runner, batch in zip(runners, batches, strict=True)
        ]
        took_us = _times_us(runners, batches)
    finally:
        for runner in runners:
            runner.close()
    return [
        Answered(answers, bundle.info.signature, us, size_bytes, bundle.info.proof)
        for answers, bundle, us, size_bytes in zip(
            outputs, bundles, took_us, sizes_bytes, strict=True
        )
    ]


def _times_us(runners: Sequence[Runner], batches: Sequence[Batch]) -> list[float]:
    """Microseconds of each for a row, warm: the median, so that a pause of the machine is none."""
    few = [batch.take(slice(0, ROWS)) for batch in batches]
    took: list[list[float]] = [[] for _ in runners]
    for turn in range(ROUNDS):
        places = range(len(runners))
        for place in places if turn % 2 else reversed(places):
            begun = time.perf_counter()
            runners[place].predict(few[place])
            took[place].append((time.perf_counter() - begun) * 1e6 / few[place].rows)
    return [median(each) for each in took]
