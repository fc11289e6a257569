"""A shadow beside what callers were given: each row once, wherever its two halves were sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.releases import Plan, Release
from fairlead.releases.fold import Folded
from fairlead.releases.shadow.compare import compare, place_of, upper_edge
from fairlead.releases.shadow.comparison import (
    CLASSES_MAX,
    VALUES_MAX,
    WORST_MAX,
    Agreement,
    Comparison,
    Differing,
    merge,
)
from fairlead.releases.shadow.summary import ANSWERED, GIVEN, Summary, summarize
from fairlead.signature import Field, Signature
from support.routes import SIGNATURE, route, version

LABELS = Signature(
    inputs=(Field(name="plan", kind="category"), Field(name="x", kind="number")),
    outputs=(Field(name="label", kind="category"),),
    task="classification",
)
RELEASE = Release(
    id="r1", endpoint="e", version=version(2), signature=LABELS, actor="cli", created_us=0,
    changed_us=0, state="holding", plan=Plan(slices=("plan",)), before=route("e", 1, version(1)),
    shares={2: 0},
)  # fmt: skip
ASKED = datetime(2026, 3, 1, tzinfo=UTC)
NUMBERS = replace(RELEASE, signature=SIGNATURE, plan=Plan())


def asked(number: int, answer: Any, field: str = "label", **more: Any) -> dict[str, Any]:
    """What a caller was given."""
    told = {
        "id": f"given-{number:05d}", "time": ASKED, "parent_id": None, "revision": 2,
        "version": version(1).name, "role": "stable",
        "outcome": "ok", "queue_us": 0, "model_us": 9_000, "assigned_by": "hash", "source": "live",
        "in.plan": "pro" if number % 2 else "free", f"out.{field}": answer,
    }  # fmt: skip
    return told | more


def seen(number: int, answer: Any, field: str = "label", **more: Any) -> dict[str, Any]:
    """What the shadow answered to the same."""
    told = {"id": f"shadow-{number:05d}", "parent_id": f"given-{number:05d}",
            "version": version(2).name, "role": "shadow"}  # fmt: skip
    return asked(number, answer, field, **told) | more


def file(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [*rows], schema_overrides={"parent_id": pl.String}, infer_schema_length=None
    )


def told_of(release: Release, *rows: dict[str, Any]) -> Comparison:
    return compare(Folded(), release, file(*rows)).evidence.compared


def test_labels_are_held_against_each_other_by_slice_and_by_what_was_given() -> None:
    found = told_of(
        RELEASE,
        *(asked(n, "stay") for n in range(4)), seen(0, "stay"), seen(1, "left"), seen(2, "stay"),
        seen(3, "left"), asked(4, "left"), seen(4, "left"),
    )  # fmt: skip
    assert found.whole == Agreement(5, 2)
    assert found.slices == {"plan": {"free": Agreement(3, 0), "pro": Agreement(2, 2)}}
    assert found.labels == {"stay": {"stay": 2, "left": 2}, "left": {"left": 1}}
    assert found.latency["shadow"] == found.latency["given"]
    assert found.worst == (
        Differing("given-00003", "stay", "left", 1.0),
        Differing("given-00001", "stay", "left", 1.0),
    )
    named = [(part.field, part.value, part.rows) for part in summarize(found).slices]
    assert named == [
        ("plan", "free", 3),
        ("plan", "pro", 2),
        (GIVEN, "stay", 4),
        (GIVEN, "left", 1),
        (ANSWERED, "left", 3),
        (ANSWERED, "stay", 2),
    ]


def test_numbers_differ_by_so_much_and_are_put_in_the_same_order_or_not() -> None:
    rows = [asked(n, float(n), "prediction") for n in range(100)]
    rows += [seen(n, n + 0.5, "prediction") for n in range(98)]
    rows += [seen(98, 99.0, "prediction"), seen(99, 98.0, "prediction")]
    found = told_of(NUMBERS, *rows)
    assert (found.whole.rows, found.whole.apart, found.whole.total) == (100, 100, 51.0)
    assert found.span == (0.0, 99.0)
    assert (found.ordered, found.reversed) == (49, 1)
    summary = summarize(found)
    assert summary.measure == "difference"
    assert summary.apart is not None
    assert summary.apart.low < 0.51 < summary.apart.high
    assert summary.difference_p95 == pytest.approx(0.5, rel=0.02)
    assert summary.rank is not None
    assert (summary.rank.value, summary.kappa) == (0.96, None)
    assert len(summary.worst) == WORST_MAX
    assert [(row.id, row.far) for row in summary.worst[:2]] == [
        ("given-00099", 1.0),
        ("given-00098", 1.0),
    ]


def test_rows_of_others_and_of_other_times_are_not_compared() -> None:
    rows = (
        asked(1, "a"), seen(1, "b", version="m:9"), asked(2, "a"), seen(2, "b", revision=1),
        asked(3, "a", revision=1), seen(3, "b"), asked(4, "a"), asked(5, "a"),
        asked(6, "a"), seen(6, "b", assigned_by="override"),
        asked(7, "a"), seen(7, "b", source="batch"),
    )  # fmt: skip
    found = told_of(RELEASE, *rows)
    assert (found.whole, found.failed, found.unmatched) == (Agreement(), 0, 1)


def test_what_the_shadow_fails_at_is_counted_apart() -> None:
    rows = [asked(n, "a") for n in range(4)]
    rows += [seen(0, None, outcome="model_error"), seen(1, None, outcome="timeout"), seen(2, None)]
    found = told_of(RELEASE, *rows, seen(3, "a"))
    assert (found.whole, found.failed, found.unmatched) == (Agreement(1, 0), 3, 0)
    nothing = told_of(RELEASE, *(row | {"out.label": None} for row in rows[:1]), rows[4])
    assert (nothing.whole, nothing.failed) == (Agreement(), 1)


def test_a_parent_that_is_nowhere_leaves_its_row_uncompared_until_it_comes() -> None:
    first = file(seen(1, "a"), seen(2, "b"))
    alone = compare(Folded(), RELEASE, first)
    compared = alone.evidence.compared
    assert (compared.whole, compared.unmatched) == (Agreement(), 2)
    found = compare(alone, RELEASE, file(asked(1, "a")), [first.lazy()]).evidence.compared
    assert (found.whole, found.unmatched) == (Agreement(1, 0), 1)


def test_files_in_which_nobody_answered_lack_the_answer_and_types_may_differ() -> None:
    failed = seen(1, "a", outcome="model_error")
    del failed["out.label"], failed["in.plan"]
    found = told_of(RELEASE, failed)
    assert (found.failed, found.whole) == (1, Agreement())
    parents = file(asked(2, 1.0), asked(3, 0.0))
    later = compare(Folded(), RELEASE, file(seen(2, 1), seen(3, 1)), [parents.lazy()])
    assert later.evidence.compared.whole == Agreement(2, 1)


def test_an_answer_without_a_value_of_its_own_is_not_compared() -> None:
    tensors = Signature(inputs=(), outputs=(Field(name="label", kind="tensor"),))
    assert told_of(replace(RELEASE, signature=tensors), asked(1, "a")) == Comparison()


rows_of = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("ab") | st.none(), st.integers(0, 3),
              st.integers(0, 3)),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(rows=rows_of, order=st.permutations(range(4)))
def test_each_row_counts_once_however_its_files_are_cut_and_whichever_is_read_first(
    rows: list[tuple[str, str | None, int, int]], order: list[int]
) -> None:
    files: list[list[dict[str, Any]]] = [[] for _ in range(4)]
    for number, (one, other, place, shadow_place) in enumerate(rows):
        files[place].append(asked(number, one))
        files[shadow_place].append(seen(number, other))
    whole = told_of(RELEASE, *(row for part in files for row in part))
    folded = Folded()
    read: list[pl.LazyFrame] = []
    for place in order:
        if files[place]:
            table = file(*files[place])
            folded = compare(folded, RELEASE, table, read)
            read.append(table.lazy())
    found = folded.evidence.compared
    assert (found.whole, found.failed, found.unmatched) == (whole.whole, whole.failed, 0)
    assert found.labels == whole.labels
    assert found.slices == whole.slices


def test_what_is_kept_stays_small_whatever_is_asked() -> None:
    wide = [asked(n, f"label {n}", **{"in.plan": f"plan {n}"}) for n in range(300)]
    wide += [seen(n, f"label {n + 1}", **{"in.plan": f"plan {n}"}) for n in range(300)]
    found = told_of(RELEASE, *wide)
    found = merge(found, replace(found, labels={"new": {"newer": 1}}))
    assert found.whole == Agreement(600, 600)
    assert len(found.slices["plan"]) == VALUES_MAX
    assert len(found.labels) <= CLASSES_MAX
    assert "new" not in found.labels


@given(st.floats(1e-8, 1e11))
def test_a_bucket_holds_its_differences(difference: float) -> None:
    edge = upper_edge(pl.select(place_of(pl.lit(difference))).item())
    assert difference * (1 - 1e-9) <= edge <= difference * 1.021


def test_nothing_compared_tells_nothing() -> None:
    assert summarize(Comparison()) == Summary(
        measure="disagreement", rows=0, failed=0, apart=None, latency_p95_ms={}, slices=()
    )
