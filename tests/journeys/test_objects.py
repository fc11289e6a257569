"""Rows that lie in an object store are scored by the same line as files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from support.batch import answers, rows_of
from support.models import package_churn
from support.objects import running_objects
from support.waiting import PATIENCE_S

ID, SECRET = "an-id", "a-secret-that-nobody-may-see"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_objects(tmp_path_factory.mktemp("objects")) as url:
        _put(url)
        yield url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / ".fairlead"
    package_churn(home)
    return home


def _told(store: str) -> dict[str, str]:
    """How a program is told where the store is and who asks: as all of S3's tools are."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }


def _put(store: str) -> None:
    import s3fs

    files = s3fs.S3FileSystem(key=ID, secret=SECRET, endpoint_url=store)
    files.mkdir("shop")
    for place in (1, 2):
        raw = io.BytesIO()
        rows_of(300, seed=place).write_parquet(raw)
        files.pipe(f"shop/days/day={place}/a.parquet", raw.getvalue())
    files.pipe("shop/torn.parquet", b"PAR1 and no more")


def batch(home: Path, store: str, *arguments: object) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(home), "batch", *map(str, arguments)],
        env=_told(store), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("source", ["s3://shop/days/", "s3://shop/days/*/*.parquet"])
def test_objects_are_scored_as_files_are(
    home: Path, store: str, source: str, tmp_path: Path
) -> None:
    status, said = batch(home, store, "churn:1", source, tmp_path / "out", "--keep", "customer_id")
    assert status == 0, said
    read = answers(tmp_path / "out")
    there = pl.concat([rows_of(300, seed=place) for place in (1, 2)])
    assert sorted(read["customer_id"]) == sorted(there["customer_id"])
    assert read["prediction_id"].n_unique() == 600


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("s3://shop/none.parquet", "s3://shop/none.parquet cannot be read"),
        ("s3://nobodys/days/", "There are no rows in s3://nobodys/days/"),
        ("s3://shop/torn.parquet", "torn.parquet"),
    ],
)
def test_objects_that_cannot_be_read_are_named(
    home: Path, store: str, source: str, why: str, tmp_path: Path
) -> None:
    status, said = batch(home, store, "churn:1", source, tmp_path / "out")
    assert status == 1, said
    assert why in said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_a_store_that_is_away_is_said_and_no_secret_is(home: Path, tmp_path: Path) -> None:
    away = "http://127.0.0.1:9"
    status, said = batch(home, away, "churn:1", "s3://shop/days/", tmp_path / "out")
    assert status == 1, said
    assert "s3://shop/days/ cannot be read" in said
    assert "Traceback" not in said
    assert SECRET not in said
