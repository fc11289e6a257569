"""Rows that repeat are counted exactly, wherever they were cut and whichever way they came."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zlib
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.profiles import (
    Repeats,
    add_field,
    decode,
    digest_rows,
    empty,
    encode,
    loads_of,
    make_reference,
    merge,
    no_fields,
    observe,
    observe_table,
    sketch_rows,
    unpack_repeats,
)
from fairlead.profiles.distinct import mix
from fairlead.profiles.repeats import DIGESTS_MAX, merge_repeats
from fairlead.signature import Batch, Field, Signature, from_records

Ids = npt.NDArray[np.uint64]
SIGNATURE = Signature(
    inputs=(
        Field(name="age", kind="number", missing="allow"),
        Field(name="plan", kind="category", categories=("free", "pro"), missing="allow"),
        Field(name="note", kind="text", missing="allow"),
    ),
    outputs=(),
)
ROWS = [
    {"age": 41, "plan": "pro", "note": "a"},
    {"age": 0.0, "plan": None, "note": "a"},
    {"age": -0.0, "plan": None, "note": "a"},
    {"age": None, "plan": "pro", "note": None},
    {"age": 41.0, "plan": "pro", "note": "a"},
]


def digests_of(**columns: Any) -> Ids:
    sums = no_fields(len(next(iter(columns.values()))))
    for name, column in columns.items():
        add_field(sums, name, column)
    return digest_rows(sums)


def objects(*values: Any) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def ids_of(seed: int, rows: int, values: int) -> Ids:
    drawn = np.random.default_rng(seed).integers(0, values, rows).astype(np.uint64)
    return mix(drawn + np.uint64(99)) >> np.uint64(24)


IDS = st.builds(
    ids_of, st.integers(0, 9), st.integers(0, 1500), st.sampled_from([1, 40, 300, 10**9])
)


@settings(max_examples=80)
@given(IDS, IDS, IDS)
def test_sketches_are_a_commutative_monoid_and_a_homomorphism_of_rows(
    a: Ids, b: Ids, c: Ids
) -> None:
    x, y, z = map(sketch_rows, (a, b, c))
    assert merge_repeats(x, y) == merge_repeats(y, x)
    assert merge_repeats(merge_repeats(x, y), z) == merge_repeats(x, merge_repeats(y, z))
    assert merge_repeats(x, Repeats()) == x
    assert merge_repeats(merge_repeats(x, y), z) == sketch_rows(np.concatenate([a, b, c]))


@given(IDS)
def test_the_least_digests_are_counted_exactly(ids: Ids) -> None:
    sketch = sketch_rows(ids)
    digests, counts = unpack_repeats(sketch)
    often = Counter(ids.tolist())
    assert dict(zip(digests.tolist(), counts.tolist(), strict=True)) == {
        each: often[each] for each in sorted(often)[:DIGESTS_MAX]
    }
    assert loads_of(sketch).sum() == len(ids)
    assert bool(sketch.loads) == (len(often) > DIGESTS_MAX)


@pytest.mark.parametrize("values", [90, 10**9])
def test_a_hundred_thousand_rows_cut_anywhere_leave_one_small_sketch(values: int) -> None:
    ids = ids_of(1, 100_000, values)
    whole = sketch_rows(ids)
    cut = merge_repeats(sketch_rows(ids[:70_001]), sketch_rows(ids[70_001:]))
    assert cut == whole
    assert len(whole.steps + whole.counts + whole.loads) < 2600


def test_digests_are_the_same_in_every_process_and_version() -> None:
    code = (
        "import numpy as np; from fairlead.profiles import add_field, digest_rows, no_fields;"
        "sums = no_fields(2); add_field(sums, 'age', np.array([41.0, np.nan]));"
        "add_field(sums, 'plan', np.array(['pro', None], dtype=object));"
        "print(digest_rows(sums).tolist())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = digests_of(plan=objects("pro", None), age=np.array([41.0, np.nan])).tolist()
    assert said.stdout.strip() == str(here) == "[704043129356, 666665869828]"


def test_the_same_row_has_one_digest_through_json_and_through_a_table() -> None:
    batch = from_records(SIGNATURE, ROWS)
    table = pl.DataFrame(
        {
            "in.age": [41.0, 0.0, -0.0, None, 41.0],
            "in.plan": ["pro", None, None, "pro", "pro"],
            "in.note": ["a", "a", "a", None, "a"],
        }
    )
    frame = make_reference(SIGNATURE, batch)
    sketch = observe(frame, batch).repeats
    assert observe_table(frame, table).repeats == sketch
    assert sorted(unpack_repeats(sketch)[1].tolist()) == [1, 2, 2]
    for each in range(5):  # whatever else is in the batch
        alone = observe(frame, from_records(SIGNATURE, ROWS[each : each + 1])).repeats
        (digest,) = unpack_repeats(alone)[0].tolist()
        assert digest in unpack_repeats(sketch)[0].tolist()


def test_values_that_are_equal_are_so_in_any_form() -> None:
    one, other = digests_of(a=objects(1, 1.0, True, "1")), digests_of(a=objects("1", 1, 1.0, True))
    assert len({*one.tolist(), *other.tolist()}) == 1
    lost = np.array([np.nan, -np.nan, np.frombuffer(b"\1\0\0\0\0\0\xf8\x7f")[0]])
    assert len(set(digests_of(a=lost).tolist())) == 1
    whole = digests_of(a=np.array([1, 2])), digests_of(a=np.array([1.0, 2.0]))
    assert whole[0].tolist() == whole[1].tolist()
    vectors = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert digests_of(v=vectors).tolist() == digests_of(v=objects([1, 2], [2, 1])).tolist()
    raw = b"GIF89a"
    said = f"sha256:{hashlib.sha256(raw).hexdigest()} {len(raw)} bytes; 4 x 4"
    assert digests_of(p=objects(raw)).tolist() == digests_of(p=objects(said)).tolist()


@pytest.mark.parametrize("values", [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.5)])
def test_rows_that_differ_have_different_digests(values: tuple[float, float]) -> None:
    places = np.arange(2**14)
    columns = {f"f{bit}": np.array(values)[places >> bit & 1] for bit in range(14)}
    assert len(np.unique(digests_of(**columns))) == 2**14
    swapped = (
        digests_of(a=np.array([1.0]), b=np.array([2.0])),
        digests_of(a=np.array([2.0]), b=np.array([1.0])),
    )
    assert swapped[0].tolist() != swapped[1].tolist()


def test_profiles_of_before_have_none_and_merge_all_the_same() -> None:
    batch = from_records(SIGNATURE, ROWS)
    profile = make_reference(SIGNATURE, batch)
    fields = msgspec.json.decode(zlib.decompress(encode(profile), zlib.MAX_WBITS | 16))
    del fields["repeats"]
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    old = decode(packer.compress(msgspec.json.encode(fields)) + packer.flush())
    assert old.repeats == Repeats()
    assert old == msgspec.structs.replace(profile, repeats=Repeats())
    assert merge(old, profile).repeats == profile.repeats
    assert empty(profile).repeats == Repeats()


def test_of_nothing_there_is_no_sketch() -> None:
    frame = make_reference(SIGNATURE, from_records(SIGNATURE, ROWS))
    assert observe(frame, Batch(0, ("age",), np.empty((0, 1)), {
        "plan": objects(), "note": objects(),
    })).repeats == Repeats()  # fmt: skip
