"""Asks a model about many rows, such that those on which it fails do not take others with them."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.errors import DeadlineError, FairleadError, ModelError
from fairlead.signature import Batch, concat

PART_ROWS = 16_384
FAILURES_MAX = 100
"""Rows of a chunk on which a model may fail: beyond that, it is no matter of single rows."""


def predict(
    ask: Callable[[Batch], Batch], batch: Batch
) -> tuple[Batch | None, dict[int, FairleadError]]:
    """The answers to many rows, `PART_ROWS` at a time; rows on which a model fails stand apart.

    Args:
        ask: the model.
        batch: at least one row.

    Returns:
        The answers to the rows that have one, and what went wrong with the others.

    Raises:
        ModelError: it fails on many rows, or takes too long.
    """
    found: list[Batch] = []
    failed: dict[int, FairleadError] = {}
    waiting = [
        (start, min(start + PART_ROWS, batch.rows)) for start in range(0, batch.rows, PART_ROWS)
    ][::-1]
    while waiting:
        start, end = waiting.pop()
        part = batch if end - start == batch.rows else batch.take(slice(start, end))
        try:
            found.append(_asked(ask, part))
        except DeadlineError:
            raise
        except FairleadError as error:
            if end - start > 1:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
                continue
            failed[start] = error
            if len(failed) > FAILURES_MAX:
                raise ModelError(f"The model fails on many rows: {error}") from error
    return (concat(found) if found else None), failed


def _asked(ask: Callable[[Batch], Batch], part: Batch) -> Batch:
    try:
        answers = ask(part)
    except FairleadError:
        raise
    except Exception as error:  # a model may raise anything
        raise ModelError(f"The model failed ({type(error).__name__}).") from error
    if answers.rows != part.rows:
        raise ModelError(f"The model gave {answers.rows} answers for {part.rows} rows.")
    return answers
