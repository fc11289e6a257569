"""Columns that the names of folders tell, as those of `day=2026-01-01/plan=pro/0.parquet` do."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from msgspec.structs import replace

from fairlead.batch.types import InputFile

MISSING = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)


def told_by(name: str, columns: Collection[str], wanted: Sequence[str] | None) -> dict[str, str]:
    """What the folders of a file tell of all its rows; missing values are left empty.

    Args:
        name: of the file, relative to what was named.
        columns: that it has itself, which count.
        wanted: columns that will be read; None for all.

    Example:
        >>> told_by("day=2026-01-01/plan=a%2Fb/0.parquet", ["plan"], None)
        {'day': '2026-01-01'}
    """
    pairs = (folder.partition("=") for folder in PurePosixPath(name).parts[:-1])
    return {
        key: "" if value == MISSING else unquote(value)
        for key, equals, value in pairs
        if key and equals and key not in columns and (wanted is None or key in wanted)
    }


def with_folders(files: Sequence[InputFile]) -> tuple[InputFile, ...]:
    """Files with the columns that their folders tell: of whole numbers if all values are."""
    told = {(key, value) for file in files for key, value in file.folders.items() if value}
    texts = {key for key, value in told if not _WHOLE.fullmatch(value)}
    return tuple(
        replace(
            file,
            columns=file.columns
            | {key: "String" if key in texts else "Int64" for key in file.folders},
        )
        for file in files
    )


def value_of(file: InputFile, name: str) -> int | str | None:
    """What a file's folders tell of a column, in its type."""
    text = file.folders[name]
    return (int(text) if file.columns[name] == "Int64" else text) if text else None
