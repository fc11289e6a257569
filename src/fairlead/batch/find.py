"""Which files are meant by paths, folders and globs, and what their endings say they are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from fairlead.batch.types import Form
from fairlead.errors import ConfigError

FORMS: dict[str, Form] = {
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".ipc": "arrow",
    ".feather": "arrow", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Found:
    """A file of rows.

    Args:
        path: absolute.
        name: relative to the folder that was named, or that the glob begins in.
        form: what it is.
    """

    path: Path
    name: str
    form: Form


def find_files(inputs: Sequence[str]) -> list[Found]:
    """The files that are meant, each once, in the order of what names them and then by name.

    In folders, files and folders whose names begin with `_` or `.` are passed over: by custom
    they hold no rows.

    Raises:
        ConfigError: something names no file, or a file has an ending that tells nothing.
    """
    found: dict[Path, Found] = {}
    for text in inputs:
        some = list(_find(text))
        if not some:
            raise ConfigError(
                f"There are no rows in {text}: no file of it has a known ending.",
                hint=f"Known: {', '.join(FORMS)}.",
            )
        for each in some:
            _check_name(each)
            found.setdefault(each.path, each)
    return list(found.values())


def _check_name(found: Found) -> None:
    """See that a file's name can be written down.

    Raises:
        ConfigError: it cannot.
    """
    raw = os.fsencode(found.path)
    try:
        raw.decode()
    except UnicodeDecodeError:
        shown = raw.decode(errors="replace")
        raise ConfigError(f"The name of {shown} is not UTF-8.", hint="Rename it.") from None


def form_of(path: Path) -> Form:
    """What a file is, by its ending.

    Raises:
        ConfigError: that tells nothing.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{path} has no ending that tells what it is.", hint=f"Known: {', '.join(FORMS)}."
        )
    return form


def _find(text: str) -> Iterator[Found]:
    path = Path(text).expanduser()
    if path.is_file():
        yield Found(path.absolute(), path.name, form_of(path))
    elif path.is_dir():
        yield from _within(path, path.rglob("*"))
    elif _MAGIC.search(text):
        root = Path(*takewhile(lambda part: not _MAGIC.search(part), path.parts))
        yield from _within(root, root.glob(path.relative_to(root).as_posix()))
    else:
        raise ConfigError(f"There is no file {path}.")


def _within(root: Path, paths: Iterator[Path]) -> Iterator[Found]:
    for path in sorted(paths):
        name = path.relative_to(root)
        hidden = any(part.startswith(("_", ".")) for part in name.parts)
        form = FORMS.get(path.suffix.lower())
        if form is not None and not hidden and path.is_file():
            yield Found(path.absolute(), name.as_posix(), form)
