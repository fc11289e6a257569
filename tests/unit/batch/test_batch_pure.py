"""Cutting, naming and keeping account: the parts of a job that touch no model."""

from __future__ import annotations

import csv
import io
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.batch.lines import cut_lines, rows_of
from fairlead.batch.manifest import Manifest
from fairlead.batch.plan import CHUNK_BYTES, chunks_of, cut, differences, size_chunks
from fairlead.batch.target import target_of
from fairlead.batch.types import InputFile, Job, Piece, Plan, Scored
from fairlead.errors import ConfigError, StorageError
from fairlead.ids import derive, parse


def file_of(name: str, digest: str = "d", rows: int = 10, step: int = 4) -> InputFile:
    pieces = tuple(Piece(start, min(step, rows - start)) for start in range(0, rows, step))
    return InputFile(
        path=f"/data/{name}", name=name, form="parquet", digest=digest, size_bytes=1,
        modified_ns=1, rows=rows, columns={}, pieces=pieces,
    )  # fmt: skip


def plan_of(*files: InputFile, key: str = "k", digest: str = "b") -> Plan:
    job = Job(version="churn@champion", inputs=(), output="out")
    return Plan(
        key=key, version="churn:1", digest=digest, endpoint="churn", job=job, begun_us=1,
        files=files, keep=(), form="parquet",
    )  # fmt: skip


cells = st.text(st.sampled_from('ab",\n\r '), max_size=6)
tables = st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=8)


@given(tables, st.integers(1, 40), st.integers(1, 3))
def test_pieces_of_csv_hold_whole_rows_and_together_all(
    table: list[list[str]], chunk_bytes: int, chunk_rows: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    raw = out.getvalue().encode()
    pieces = list(cut_lines(rows_of(io.BytesIO(raw), "csv"), 0, chunk_bytes, chunk_rows))
    read = []
    for place, piece in enumerate(pieces):
        assert piece.start == sum(one.rows for one in pieces[:place])
        text = raw[piece.low : piece.high].decode()
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert len(rows) == piece.rows <= chunk_rows
        read += rows
    assert read == table
    assert [piece.low for piece in pieces] == [0, *(piece.high for piece in pieces[:-1])]


@given(st.lists(st.sampled_from([b"{}\n", b"\n", b'{"a":"\\n"}\n', b"\r\n"])), st.integers(1, 20))
def test_pieces_of_json_lines_pass_over_blank_lines(lines: list[bytes], chunk_bytes: int) -> None:
    pieces = list(cut_lines(rows_of(lines, "jsonl"), 0, chunk_bytes, 3))
    raw = b"".join(lines)
    found = [raw[one.low : one.high].split() for one in pieces]
    assert [len(rows) for rows in found] == [piece.rows for piece in pieces]
    assert sum(piece.rows for piece in pieces) == sum(1 for line in lines if line.strip())


@given(st.integers(0, 500_000), st.floats(0.0, 1e6), st.integers(500_000, CHUNK_BYTES))
def test_pieces_of_columns_hold_each_row_once(rows: int, row_bytes: float, size: int) -> None:
    pieces = cut(rows, row_bytes, size)
    ends = list(accumulate(piece.rows for piece in pieces))
    assert [piece.start for piece in pieces] == [0, *ends[:-1]][: len(pieces)]
    assert sum(piece.rows for piece in pieces) == rows
    assert all(piece.rows * row_bytes <= max(size, 64 * row_bytes) for piece in pieces)


@given(st.integers(0, 1 << 34), st.integers(1, 64))
def test_processes_and_chunks_fit_the_memory_there_is(memory_bytes: int, workers: int) -> None:
    try:
        chunk_bytes, count = size_chunks(memory_bytes, workers)
    except ConfigError:
        assert memory_bytes < 250_000_000
        return
    assert 1 <= count <= workers
    assert 500_000 <= chunk_bytes <= CHUNK_BYTES
    assert chunk_bytes == CHUNK_BYTES or count == 1


def test_parts_and_ids_of_all_chunks_differ() -> None:
    files = (file_of("a.parquet"), file_of("a.csv"), file_of("b/a.parquet", digest="e"))
    chunks = chunks_of(plan_of(*files))
    assert len(chunks) == len({chunk.part for chunk in chunks}) == 9
    assert len({(chunk.seed, chunk.piece.start) for chunk in chunks}) == 9
    assert [chunk.number for chunk in chunks] == list(range(9))
    assert chunks[8].part == "b/a-00002.parquet"


def test_derived_ids_are_ids_of_version_8() -> None:
    written = derive("churn", "a").some(3, 2).texts()
    assert [text[14] for text in written] == ["8", "8"]
    assert {text[19] for text in written} <= set("89ab")
    assert all(parse(text) is not None for text in written)
    assert derive("churn", "b").some(3, 2).texts() != written


def test_what_tells_a_job_from_another_is_named() -> None:
    before = plan_of(file_of("a"), file_of("b"))
    assert differences(before, plan_of()) == []
    after = plan_of(file_of("a", digest="x"), file_of("c"), key="l", digest="other")
    said = "; ".join(differences(before, after))
    assert "begun with churn:1" in said
    assert "a has changed since" in said
    assert "without b" in said
    assert "with c" in said
    assert differences(before, plan_of(file_of("a"), file_of("b"), key="l")) == [
        "its options are others"
    ]


def scored(chunk: int) -> Scored:
    return Scored(chunk=chunk, rows=4, rejected=1, size_bytes=100)


def test_a_manifest_torn_anywhere_in_its_last_line_has_the_lines_before(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    manifest = Manifest(path)
    assert manifest.read() is None
    manifest.begin(plan_of(file_of("a")))
    manifest.commit(scored(0))
    whole = path.read_bytes()
    manifest.commit(scored(2))
    raw = path.read_bytes()
    for end in range(len(whole), len(raw)):
        path.write_bytes(raw[:end])
        found = manifest.read()
        assert found == (plan_of(file_of("a")), {0: scored(0)})
        assert path.read_bytes() == whole
    manifest.commit(scored(1))
    found = manifest.read()
    assert found is not None
    assert found[1] == {0: scored(0), 1: scored(1)}


def test_a_manifest_damaged_before_its_end_is_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "_job" / "manifest"
    path.parent.mkdir()
    manifest = Manifest(path)
    manifest.begin(plan_of())
    for chunk in range(3):
        manifest.commit(scored(chunk))
    raw = bytearray(path.read_bytes())
    raw[-200] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StorageError, match="is damaged"):
        manifest.read()


def test_outputs_are_told_by_their_ending() -> None:
    assert not target_of("out").single
    assert target_of("out.CSV").form == "csv"
    assert target_of("out.jsonl").record.parent.name == "out.jsonl.job"
    for output in ("out.parquet", "s3://bucket/out"):
        with pytest.raises(ConfigError, match="folder"):
            target_of(output)
