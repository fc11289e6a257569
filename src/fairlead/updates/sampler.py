"""The shell that puts rows worth a label into the review queue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from fairlead.alerts.types import ALERTS
from fairlead.errors import ConfigError, ConflictError
from fairlead.predictionlog.read import predictions, read
from fairlead.review.enter import entered, room_in
from fairlead.review.gather import tasks_of, with_modes
from fairlead.review.terms import Terms, terms_of
from fairlead.review.types import TASKS
from fairlead.routing import Route
from fairlead.store import Blobs, Event, Put, Store
from fairlead.updates.sample import distinct, drifted_last, sample
from fairlead.updates.types import Sampled

ROWS_MAX = 500
"""That are chosen at once: half of what a queue holds."""
CANDIDATES_MAX = 50_000
"""The latest rows without a label, of which some are chosen."""
BACK_US = 30 * 86_400_000_000
"""How old they are at most."""


class Sampler:
    """Chooses rows that are worth a label, and asks people for it.

    Their decisions become labels under the predictions' ids, as all decisions do. What waits for
    a person goes before them.

    Args:
        store: of tasks.
        blobs: of the log.
        folder: of this machine's journals.
    """

    def __init__(self, store: Store, blobs: Blobs, folder: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._folder = folder

    def put_up(
        self, route: Route, count: int, seed: int, now_us: int, actor: str,
        drifted: Sequence[str] = (),
    ) -> Sampled:  # fmt: skip
        """Put rows of an endpoint into its queue: all that are chosen, or none.

        Args:
            route: of the endpoint.
            count: of rows, 1 to `ROWS_MAX`; it may become fewer, as there are, or have room.
            seed: of what is random; the same over the same log chooses the same.
            now_us: microseconds since 1970.
            actor: who asks, for the audit.
            drifted: fields and slices (`plan=pro`) of which there are to be some; those of the
                newest alerts of drift if none are named.

        Raises:
            ConfigError: the count cannot be, there is no such field, or nobody could label rows
                of this endpoint.
            ConflictError: the queue is full, or somebody else put the same there just now.
        """
        terms = terms_of(route)
        _check(terms, count)
        room = room_in(self._store, terms.queue)
        if not room:
            raise ConflictError(
                f"The queue '{terms.queue}' is full.", hint="Decide what waits in it first."
            )
        drifted = drifted or self._drifted(route)
        rows = self._candidates(terms, now_us)
        chosen = sample(rows, route.signature, min(count, room), seed, drifted)
        wanted = with_modes(rows.filter(pl.col("id").is_in(list(chosen))))
        tasks = [
            replace(task, reason="sample", why=chosen[task.id]) for task in tasks_of(wanted, terms)
        ]
        if tasks:
            puts: list[Put[Any]] = [put for task in tasks for put in entered(task)]
            event = Event(
                time_us=now_us, actor=actor, action="ask for labels",
                subject=f"queue/{terms.queue}",
                detail={"endpoint": route.endpoint, "rows": len(tasks), "seed": seed,
                        "drifted": ", ".join(drifted)},
            )  # fmt: skip
            self._store.commit(*puts, events=(event,))
        return Sampled(terms.queue, {task.id: task.why for task in tasks})

    def _drifted(self, route: Route) -> tuple[str, ...]:
        alerts = [stored.value for stored in self._store.scan(ALERTS, f"{route.endpoint}/")]
        return drifted_last(alerts, route.signature)

    def _candidates(self, terms: Terms, now_us: int) -> pl.DataFrame:
        """The latest rows that were answered and have neither a label nor a task, each once."""
        tasked = {s.value.id for s in self._store.scan(TASKS) if s.value.endpoint == terms.endpoint}
        since = pl.lit(now_us - BACK_US).cast(pl.Datetime("us", "UTC"))
        pending = (pl.col("decided_by") == "pending").fill_null(value=False)
        rows = (
            read(self._store, self._blobs, self._folder, terms.endpoint)
            .filter(
                pl.col("label").is_null() & ~pending & (pl.col("time") > since),
                (pl.col("role") != "shadow") & (pl.col("source") != "replay"),
                pl.col("outcome") == "ok",
            )
            .sort("time", "id")
            .tail(CANDIDATES_MAX)
            .collect(engine="streaming")
        )
        return self._with_shadow(distinct(rows, tasked), terms)

    def _with_shadow(self, rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
        """The rows with what was answered, and what a shadow says of them."""
        answer = f"out.{terms.question.field}"
        if answer not in rows.columns:
            return rows
        copies = (
            predictions(self._store, self._blobs, self._folder, terms.endpoint)
            .filter((pl.col("role") == "shadow") & (pl.col("outcome") == "ok"))
            .filter(pl.col("parent_id").is_in(rows["id"].implode()))
            .select("id", "parent_id", pl.col(answer).alias("shadow"))
            .sort("id")
            .unique("parent_id", keep="last", maintain_order=True)
            .drop("id")
            .collect(engine="streaming")
        )
        beside = rows.with_columns(pl.col(answer).alias("answer"))
        return beside.join(copies, left_on="id", right_on="parent_id", how="left")


def _check(terms: Terms, count: int) -> None:
    if not 0 < count <= ROWS_MAX:
        raise ConfigError(f"'rows' is out of range: give 1 to {ROWS_MAX}.")
    if terms.media:
        raise ConfigError(
            f"Rows of '{terms.endpoint}' cannot be labelled later: the log keeps only digests of "
            f"'{terms.media[0]}'.",
            hint="Let people see a share of the rows as they come: 'fairlead automation --audit'.",
        )
    if not terms.question.field:
        raise ConfigError(
            f"'{terms.endpoint}' answers several fields, and none is the one to be labelled."
        )
