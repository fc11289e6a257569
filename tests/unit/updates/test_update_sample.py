"""What is worth a label comes before people, and their decision becomes feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from fairlead.alerts.types import ALERTS
from fairlead.cli.main import cli
from fairlead.errors import ConfigError, ConflictError
from fairlead.ids import parse
from fairlead.predictionlog import JournalWriter
from fairlead.predictionlog.read import feedback
from fairlead.review import TASKS, Task
from fairlead.review.book import ReviewBook
from fairlead.review.bring import bring, write_lines
from fairlead.review.deliver import Deliverer
from fairlead.review.tally import TALLIES
from fairlead.signature import Batch, Field
from fairlead.store import Put
from fairlead.updates.sample import drifted_last, sample
from fairlead.updates.sampler import Sampler
from support.alerts import alert
from support.control import control_of
from support.log import START_US, Log, id_of, label, open_log
from support.review import SIGNATURE, enter, name, put_route, route, rows

CHANCES = replace(
    SIGNATURE,
    outputs=(
        *SIGNATURE.outputs,
        Field(name="probabilities", kind="tensor", shape=(2,), categories=("left", "stayed")),
    ),
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        log.clock.set(START_US + 1000)
        put_route(log.store, route(signature=CHANCES))
        yield log


def answers(chances: list[float], said: str = "left") -> Batch:
    columns = {
        "label": np.array([said] * len(chances), dtype=object),
        "probabilities": np.array([[p, 1 - p] for p in chances]),
    }
    return Batch(len(chances), (), np.zeros((len(chances), 0)), columns)


def served(first: int, chances: list[float], **fields: Any) -> bytes:
    return rows(first, len(chances), decided_by=None, outputs=answers(chances), **fields)


def shadowed(first: int, parents: list[int], said: str) -> bytes:
    return rows(
        first, len(parents), decided_by=None, role="shadow", arm="shadow", version="churn:2",
        outputs=answers([0.9] * len(parents), said), parent_ids=[id_of(one) for one in parents],
    )  # fmt: skip


def put_up(log: Log, count: int, *, seed: int = 7, **fields: Any) -> dict[str, str]:
    sampler = Sampler(log.store, log.blobs, log.folder)
    asked = route(signature=CHANCES)
    return sampler.put_up(asked, count, seed, log.clock.now_us(), "ada", **fields).rows


def tasks(log: Log) -> dict[str, Task]:
    return {stored.value.id: stored.value for stored in log.store.scan(TASKS)}


def test_the_least_sure_come_first_with_the_reason_and_some_at_random(log: Log) -> None:
    log.writer().append(served(0, [0.5 + n / 200 for n in range(100)]))
    found = put_up(log, 20)
    whys = Counter(why.partition(":")[0] for why in found.values())
    assert whys == {"uncertain": 15, "random": 5}
    assert found.get(name(0)) in ("uncertain: 0.50", "random")
    sure = [number for number in range(40, 100) if found.get(name(number), "random") != "random"]
    assert sure == []
    made = tasks(log)
    assert {one: task.why for one, task in made.items()} == found
    assert {(task.reason, task.queue) for task in made.values()} == {("sample", "churn")}


def test_the_same_seed_chooses_the_same_and_another_one_others(log: Log) -> None:
    rows_of = pl.DataFrame({"id": [name(n) for n in range(100)]})
    first = sample(rows_of, SIGNATURE, 30, 1)
    assert sample(rows_of.reverse(), SIGNATURE, 30, 1) == first
    assert set(sample(rows_of, SIGNATURE, 30, 2)) != set(first)
    assert len(first) == 30


def test_the_random_part_is_of_all_alike() -> None:
    rows_of = pl.DataFrame(
        {
            "id": [name(n) for n in range(200)],
            "out.probabilities": [[0.5 + n / 400, 0.5 - n / 400] for n in range(200)],
        }
    )
    seen: Counter[str] = Counter()
    for seed in range(200):
        found = sample(rows_of, SIGNATURE, 40, seed)
        seen.update(one for one, why in found.items() if why == "random")
    half = sum(seen[name(n)] for n in range(100))
    assert abs(half - 1000) < 100  # of 2,000; its standard deviation is 22


def test_where_a_shadow_answers_otherwise_people_are_asked(log: Log) -> None:
    writer = log.writer()
    writer.append(served(0, [0.99] * 8))
    writer.append(shadowed(100, [0, 1, 2], "left"))
    writer.append(shadowed(200, [3, 4], "stayed"))
    found = put_up(log, 8)
    assert {one for one, why in found.items() if why == "shadow disagrees"} <= {name(3), name(4)}
    assert "shadow disagrees" in found.values()
    assert set(found) == {name(n) for n in range(8)}


def test_numbers_that_lie_furthest_apart_come_first() -> None:
    frame = pl.DataFrame({"id": ["a", "b", "c", "d"], "answer": [1.0, 2.0, 3.0, 4.0],
                          "shadow": [1.0, 9.0, 4.5, None]})  # fmt: skip
    signature = replace(SIGNATURE, task="regression")
    assert sample(frame, signature, 2, 0) == {
        "b": "shadow differs by 7", "c": "shadow differs by 1.5",
    }  # fmt: skip


def test_a_field_is_covered_and_a_slice_is_kept_to() -> None:
    columns = {"id": [str(n) for n in range(100)], "in.x": [float(n) for n in range(100)]}
    frame = pl.DataFrame({**columns, "in.plan": ["pro"] * 5 + ["free"] * 95})
    plan = Field(name="plan", kind="category")
    signature = replace(SIGNATURE, inputs=(*SIGNATURE.inputs, plan))
    found = sample(frame, signature, 13, 3, ["x"])
    assert list(found.values()).count("x has drifted") == 10
    assert {int(one) // 10 for one in found} == set(range(10))
    found = sample(frame, signature, 4, 3, ["plan=pro"])
    assert all(int(one) < 5 for one, why in found.items() if why == "plan=pro")
    assert list(found.values()).count("plan=pro") == 3
    with pytest.raises(ConfigError, match=r"'plam' is no field .* Did you mean 'plan'"):
        sample(frame, signature, 4, 3, ["plam=pro"])


def test_what_drifted_last_is_covered_by_itself_and_what_is_named_goes_before(log: Log) -> None:
    log.writer().append(served(0, [0.9] * 40))
    fire(log, "x", START_US)
    found = put_up(log, 12)
    assert list(found.values()).count("x has drifted") >= 4
    (event,) = log.store.events()
    assert event.detail["drifted"] == "x"
    found = put_up(log, 12, drifted=["x=1.0"])
    assert "x has drifted" not in found.values()


def test_only_the_newest_alerts_of_fields_that_drift_count() -> None:
    fields = tuple(Field(name=name, kind="number") for name in "abcde")
    signature = replace(SIGNATURE, inputs=(*fields, Field(name="scan", kind="image")))
    alerts = [
        alert("firing", start_us=at, metric="drift", subject=subject)
        for at, subject in enumerate(("a", "b", "c", "d", "scan", "d (batch)", "left"))
    ]
    alerts.append(alert("firing", "resolved", start_us=9, metric="drift", subject="e"))
    alerts.append(alert("firing", start_us=9, metric="missing", subject="e"))
    assert drifted_last(alerts, signature) == ("d", "c", "b")
    assert drifted_last(reversed(alerts), signature) == ("d", "c", "b")
    assert drifted_last([], signature) == ()


def fire(log: Log, subject: str, start_us: int) -> None:
    one = alert("firing", start_us=start_us, metric="drift", rule="drift", subject=subject)
    log.store.commit(Put(ALERTS, one.key, one, None))


def test_nobody_is_asked_what_is_known_or_asked_already(log: Log) -> None:
    writer = log.writer()
    writer.append(served(0, [0.5] * 10))
    writer.append(served(20, [0.5], inputs=Batch(1, ("x",), np.array([[9.0]]), {})))  # as row 9
    writer.append(rows(30, 2))  # wait for a person anyway
    writer.append(served(40, [0.5], role="shadow"))
    log.writer("f").append(label((0, "left"), (1, "stayed")))
    enter(log.store, 2)
    first = put_up(log, 3)
    second = put_up(log, 100)
    assert not set(first) & set(second)
    asked = {name(n) for n in (*range(3, 9), 20)}
    assert set(first) | set(second) == asked
    assert put_up(log, 100) == {}


def test_a_sample_is_bounded_and_refused_where_it_makes_no_sense(log: Log) -> None:
    for count in (0, 501):
        with pytest.raises(ConfigError, match="'rows' is out of range"):
            put_up(log, count)
    log.writer().append(served(0, [0.5] * 5))
    enter(log.store, *range(1000, 1998))
    assert len(put_up(log, 5)) == 2
    with pytest.raises(ConflictError, match="queue 'churn' is full"):
        put_up(log, 5)
    scan = replace(CHANCES, inputs=(Field(name="scan", kind="image"),))
    sampler = Sampler(log.store, log.blobs, log.folder)
    with pytest.raises(ConfigError, match="only digests of 'scan'"):
        sampler.put_up(route(signature=scan), 5, 0, 0, "ada")


def test_who_waits_goes_first(log: Log) -> None:
    log.writer().append(served(0, [0.5]))
    put_up(log, 1)
    enter(log.store, 50)
    book = ReviewBook(log.store, log.clock)
    line = book.queues.line("churn")
    assert (line.waiting, line.oldest_us) == (2, START_US + 50)
    task = book.take("churn", "ada")
    assert task is not None
    assert task.id == name(50)
    book.decide(task.id, "left", "ada")
    last = book.take("churn", "ada")
    assert last is not None
    assert last.why


@pytest.mark.parametrize("form", ["plain", "label-studio"])
def test_a_decision_from_a_file_becomes_a_label(log: Log, form: Any) -> None:
    log.writer().append(served(0, [0.51]))
    found = put_up(log, 1)
    book = ReviewBook(log.store, log.clock)
    (raw,) = write_lines(book, "churn", form, decided=False)
    line = msgspec.json.decode(raw)
    if form == "plain":
        assert (line["reason"], line["why"]) == ("sample", found[name(0)])
        line["decision"] = "stayed"
    else:
        assert line["meta"]["why"] == found[name(0)]
        said = {"type": "choices", "value": {"choices": ["stayed"]}}
        line["annotations"] = [{"result": [said]}]
    told = bring(book, "churn", msgspec.json.encode(line), "file", "ada")
    assert told.decided == 1
    log.clock.advance(60)
    deliverer = Deliverer(log.store, log.blobs, log.folder, log.clock, lambda _: ())
    deliverer.tick()
    deliverer.close()
    labels = feedback(log.store, log.blobs, log.folder, "churn").collect()
    assert labels.filter(pl.col("name") == "label").select("prediction_id", "text").rows() == [
        (name(0), "stayed")
    ]
    assert log.store.scan(TALLIES) == []  # it says nothing of how good the model is
    assert parse(name(0)) == id_of(0)


def test_the_command_and_the_door_put_rows_up(tmp_path: Path) -> None:
    with control_of(tmp_path / "home", keys=True) as control:
        workspace = control.workspace
        put_route(workspace.store, route(signature=CHANCES))
        now_us = workspace.clock.now_us()
        writer = JournalWriter(workspace.home.journals, "w", workspace.clock)
        writer.append(served(0, [0.5] * 6, time_us=np.full(6, now_us, np.int64)))
        secret = workspace.key_book.create("ops", ["operate"])[1]
        asked = control.ask("/v1/endpoints/churn/labels", {"rows": 2}, secret)
        assert (asked.status, asked.json["queue"], len(asked.json["rows"])) == (200, "churn", 2)
        wrong = control.ask("/v1/endpoints/churn/labels", {"rows": 0}, secret)
        assert wrong.status in (400, 422)
        reviewer = workspace.key_book.create("ada", ["review"])[1]
        assert control.ask("/v1/endpoints/churn/labels", {"rows": 2}, reviewer).status == 403
        (event,) = [e for e in workspace.store.events() if e.action == "ask for labels"]
        assert (event.actor, event.detail["rows"]) == ("ops", 2)
        command = ["--home", str(tmp_path / "home"), "label", "churn", "--rows", "3"]
        result = CliRunner().invoke(cli, command)
        assert result.exception is None
        assert result.output.startswith("3 rows wait in 'churn'.")
        writer.close()
