"""Rows that do not lie on this machine's disk: brought there once, so that a job can be resumed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from fairlead.batch.find import FORMS, Found, find_files
from fairlead.batch.types import Job
from fairlead.errors import ConfigError

FETCH_ROWS = 10_000
COPY_BYTES = 1 << 20
SPOOL = "query.jsonl"
_POSTGRES = ("postgresql", "postgres")

_PROVES = re.compile(r"(?<=://)[^/@?#:]*(?::(?!\d+[/?])(?:(?!://)[^@])*)?@")
"""Who asks, and a password, which may hold what ends a URL's other parts; not a host and port."""

_SAID = re.compile(r".*failed: (?:FATAL: *)?(.*)")
"""What a server, or the network, has to say to a connection; not what the URL says."""

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def find_inputs(job: Job, folder: Path, *, again: bool) -> list[Found]:
    """The files of a job's input; what does not lie on this machine's disk is copied.

    Args:
        job: that names them.
        folder: of the copies.
        again: whether they are there already, of a run before: a job is about what it began with.

    Raises:
        ConfigError: something names no rows, or cannot be read.
    """
    if not again:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    if job.query:
        copy = Found(folder / SPOOL, SPOOL, "jsonl")
        return [copy] if again else fetch_query(job.inputs, job.query, folder)
    found: list[Found] = []
    for place, text in enumerate(job.inputs):
        if not is_remote(text):
            found += find_files([text])
            continue
        own = folder / str(place)
        found += find_files([str(own)]) if again else fetch_objects(text, own)
    return list({each.path: each for each in found}.values())


def sources_of(job: Job) -> tuple[str, ...]:
    """What tells where copied rows come from, and holds no secret."""
    urls = (without_secret(text) for text in job.inputs if is_remote(text) or job.query)
    return (job.query, *urls)


def is_remote(text: str) -> bool:
    """Whether an input is a URL."""
    return "://" in text


def without_secret(url: str) -> str:
    """A URL without who asks and how they prove it, for records and messages.

    Example:
        >>> without_secret("postgresql://me:secret@db.example/shop")
        'postgresql://db.example/shop'
        >>> without_secret("s3://me:secret@bucket/days?key=secret")
        's3://bucket/days'
        >>> without_secret("zip://*.csv::s3://me:sec/ret@bucket/days.zip")
        'zip://*.csv::s3://bucket/days.zip'
    """
    scheme, mark, rest = url.partition("://")
    if mark and scheme in _POSTGRES:
        return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"
    return "::".join(each.partition("?")[0] for each in _PROVES.sub("", url).split("::"))


def fetch_query(inputs: Sequence[str], query: str, folder: Path) -> list[Found]:
    """Write the rows of a query to a file of JSON lines.

    Args:
        inputs: one database: a SQLite file or `sqlite://` URL, or a `postgresql://` URL.
        query: SQL that gives rows.
        folder: of the file.

    Raises:
        ConfigError: there is no such database, or it does not answer the query.
    """
    if len(inputs) != 1:
        raise ConfigError("A query is asked of one database.", hint="Name it in place of files.")
    scheme = urlsplit(inputs[0]).scheme if is_remote(inputs[0]) else "sqlite"
    if scheme not in ("sqlite", *_POSTGRES):
        raise ConfigError(
            f"A query cannot be asked of {without_secret(inputs[0])}.",
            hint="Name a SQLite file, or a URL that begins with sqlite:// or postgresql://.",
        )
    ask = _ask_sqlite if scheme == "sqlite" else _ask_postgres
    path = folder / SPOOL
    with path.open("wb") as file:
        for row in ask(inputs[0], query):
            file.write(_encode(row) + b"\n")
    if not path.stat().st_size:
        raise ConfigError(f"The query gives no rows of {without_secret(inputs[0])}.")
    return [Found(path, SPOOL, "jsonl")]


def _ask_sqlite(url: str, query: str) -> Iterator[dict[str, Any]]:
    path = Path(unquote(url.removeprefix("sqlite://"))).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no database {path}.")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            yield from _rows(database.execute(query))
    except sqlite3.Error as error:
        raise ConfigError(f"{path} does not answer the query: {error}.") from error


def _ask_postgres(url: str, query: str) -> Iterator[dict[str, Any]]:
    try:
        import psycopg
        from psycopg.types.numeric import NumericLoader
    except ImportError:
        raise ConfigError(
            "A query of PostgreSQL needs psycopg, which is not installed.",
            hint="pip install 'fairlead[postgres]'",
        ) from None

    class Finite(NumericLoader):  # type: ignore[misc]
        """Numbers that JSON has a word for; of others there is none."""

        def load(self, data: Any) -> Any:
            number = super().load(data)
            return number if number.is_finite() else None

    try:
        with psycopg.connect(url) as database, database.cursor("fairlead") as cursor:
            database.adapters.register_loader("numeric", Finite)
            cursor.adapters.register_loader("numeric", Finite)
            yield from _rows(cursor.execute(query))
    except psycopg.Error as error:
        why = error.diag.message_primary or _said(str(error))
        raise ConfigError(f"{without_secret(url)} does not answer the query: {why}.") from None


def _said(text: str) -> str:
    """Why there is no connection, without what the URL holds."""
    found = _SAID.match(text)
    if found is not None:
        return found[1].rstrip(".")
    if "resolve host" in text:
        return "no host of its name is known"
    return (
        "it is no URL by which one can connect; '%', '/', '@' and ':' in a password are written "
        "%25, %2F, %40 and %3A"
    )


def _rows(cursor: Any) -> Iterator[dict[str, Any]]:
    """The rows of an answer, with what they have in their columns."""
    while some := cursor.fetchmany(FETCH_ROWS):
        names = [column[0] for column in cursor.description]
        if len(set(names)) < len(names):
            raise ConfigError("Two columns of the query have one name.", hint="Rename one of them.")
        for row in some:
            yield dict(zip(names, row, strict=True))


def fetch_objects(url: str, folder: Path) -> list[Found]:
    """Copy the files of an object store.

    Args:
        url: of a file, a folder or a glob of them, as fsspec takes it.
        folder: that they are copied to.

    Raises:
        ConfigError: fsspec, or what it needs for this kind of URL, is not installed; or there is
            no such file, or it cannot be read.
    """
    shown = without_secret(url)
    try:
        import fsspec

        files, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ConfigError(
            f"{shown} cannot be read: {error.name or 'a library'} is not installed.",
            hint="pip install 'fairlead[s3]' for s3://, or the library that fsspec names: "
            f"{error}.",
        ) from None
    except ValueError as error:
        raise ConfigError(f"{shown} cannot be read: {error}.") from None
    try:
        found = [
            (each, Found(folder / name, name, form))
            for each, name in _list(files, path)
            if (form := FORMS.get(PurePosixPath(name).suffix.lower())) and _is_plain(name)
        ]
        for each, here in found:
            _copy(files, each, here.path)
    except Exception as error:  # each store's library has errors of its own
        raise ConfigError(f"{shown} cannot be read: {type(error).__name__}.") from error
    if not found:
        raise ConfigError(
            f"There are no rows in {shown}: no file of it has a known ending.",
            hint=f"Known: {', '.join(FORMS)}.",
        )
    return [here for _, here in found]


def _is_plain(name: str) -> bool:
    """Whether a name leads nowhere else, and is not hidden by custom."""
    return not any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)


def _list(files: Any, path: str) -> Iterator[tuple[str, str]]:
    """Paths in the store, and their names: below what of the path is no glob, as of local files."""
    if _is_glob(path):
        parts = PurePosixPath(path).parts
        root = PurePosixPath(*takewhile(lambda part: not _is_glob(part), parts))
        for each in sorted(files.glob(path)):
            yield each, PurePosixPath(each).relative_to(root).as_posix()
    elif files.isdir(path):
        for each in sorted(files.find(path)):
            yield each, PurePosixPath(each).relative_to(PurePosixPath(path)).as_posix()
    else:
        yield path, PurePosixPath(path).name


def _is_glob(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _copy(files: Any, source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.open(source, "rb") as far, target.open("wb") as near:
        shutil.copyfileobj(far, near, COPY_BYTES)
