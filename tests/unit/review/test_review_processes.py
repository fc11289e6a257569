"""Several processes at one store: each task is decided by one of them, and all are."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

from fairlead.clock import SystemClock
from fairlead.review import TASKS
from fairlead.review.book import ReviewBook
from fairlead.store import open_store
from support.review import enter, name, put_route, route
from support.waiting import PATIENCE_S

TASKS_MAX = 40
PEOPLE = ("ada", "bob", "eve")


def _work(folder: str, reviewer: str, gate: Any, told: Any) -> None:
    store = open_store(f"sqlite://{folder}/store.db")
    book, mine = ReviewBook(store, SystemClock()), []
    gate.wait(60)
    while (task := book.take("churn", reviewer)) is not None:
        mine.append(book.decide(task.id, "left", reviewer).id)
    told.put((reviewer, mine))
    store.close()


def test_each_task_is_decided_by_one_of_them(tmp_path: Path) -> None:
    store = open_store(f"sqlite://{tmp_path}/store.db")
    put_route(store, route(mode="shadow"))
    enter(store, *range(TASKS_MAX))
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(len(PEOPLE)), context.Queue()
    workers = [
        context.Process(target=_work, args=(str(tmp_path), person, gate, told)) for person in PEOPLE
    ]
    for worker in workers:
        worker.start()
    done = dict(told.get(timeout=PATIENCE_S) for _ in workers)
    for worker in workers:
        worker.join(60)
    told.close()
    everything = sorted(task for mine in done.values() for task in mine)
    assert everything == [name(n) for n in range(TASKS_MAX)]
    by = {stored.value.id: stored.value.decided_by for stored in store.scan(TASKS)}
    assert by == {task: person for person, mine in done.items() for task in mine}
    store.close()
