"""Where a job's output goes, and where it lies until it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairlead.batch.types import Form
from fairlead.errors import ConfigError

RECORD = "_job.json"
REJECTED = "_rejects.jsonl"
SEEN = "_profile.json.gz"
OWN = "_job"
_SINGLE: dict[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True, slots=True)
class Target:
    """An output: a folder of Parquet files, or one file of lines.

    Names that begin with `_` are no rows to the libraries that read folders of Parquet.

    Args:
        path: as it was named, absolute.
        form: of the parts.
        single: whether it is one file.
    """

    path: Path
    form: Form
    single: bool

    @property
    def working(self) -> Path:
        """The folder that the job works in."""
        return self.path.with_name(f"{self.path.name}.incomplete")

    @property
    def own(self) -> Path:
        """What is only needed until the job is complete."""
        return self.working / OWN

    @property
    def folder(self) -> Path:
        """The folder that it works in when it is complete."""
        return self.path.with_name(f"{self.path.name}.job") if self.single else self.path

    @property
    def record(self) -> Path:
        """The job's record, which is there only when all is."""
        return self.folder / RECORD


def target_of(output: str) -> Target:
    """What an output is, by its ending.

    Raises:
        ConfigError: it is none that can be written.

    Example:
        >>> target_of("/data/out").form, target_of("/data/out.csv").single
        ('parquet', True)
    """
    path = Path(output).expanduser().absolute()
    if "://" in output:
        raise ConfigError(
            f"An output cannot be a URL, as one that begins with {output.partition('://')[0]}://.",
            hint="Name a folder, and copy it when it is whole.",
        )
    if path.suffix.lower() in (".parquet", ".pq"):
        raise ConfigError(
            f"{path} is one file; Parquet is written as a folder of parts.",
            hint=f"Name a folder: {path.with_suffix('')}/.",
        )
    form = _SINGLE.get(path.suffix.lower())
    return Target(path, form or "parquet", form is not None)
