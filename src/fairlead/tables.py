"""Tables in files: Parquet, CSV, JSON, JSON lines, Arrow IPC, by their ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".parquet", ".csv", ".json", ".jsonl", ".ndjson", ".arrow", ".ipc")


def read_table(path: Path) -> pl.DataFrame:
    """Read a table.

    A `.json` file holds a list of records, one record, or `{"rows": [...]}`.

    Raises:
        ConfigError: the file is missing, cannot be read, or has another ending.
    """
    import polars as pl

    _check(path)
    try:
        match path.suffix.lower():
            case ".parquet":
                return pl.read_parquet(path)
            case ".csv":
                return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
            case ".json":
                return _read_json(path)
            case ".jsonl" | ".ndjson":
                return pl.read_ndjson(path, infer_schema_length=None)
            case _:
                return pl.read_ipc(path)
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.") from None
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(
            ".:"
        )  # then come hints
        raise ConfigError(f"{path} cannot be read as {path.suffix.lower()[1:]}: {said}.") from error


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a table.

    Raises:
        ConfigError: the file cannot be written, or has another ending.
    """
    _check(path)
    try:
        match path.suffix.lower():
            case ".parquet":
                frame.write_parquet(path)
            case ".csv":
                frame.write_csv(path)
            case ".json":
                frame.write_json(path)
            case ".jsonl" | ".ndjson":
                frame.write_ndjson(path)
            case _:
                frame.write_ipc(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def _check(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(
            f"{path} has no ending that tells what it is.", hint=f"Known: {', '.join(ENDINGS)}."
        )


def _read_json(path: Path) -> pl.DataFrame:
    import msgspec
    import polars as pl

    try:
        value = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    rows = value.get("rows", [value]) if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected a list of records")
    return pl.DataFrame(rows, infer_schema_length=None)
