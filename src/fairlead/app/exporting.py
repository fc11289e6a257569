"""A version as files for another place: which places there are, and what is written for each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead.app.workspace import Workspace
from fairlead.bundle import Bundle, pack
from fairlead.errors import ConfigError, StorageError
from fairlead.export.browser import find_runtime, write_page
from fairlead.export.container import write_container
from fairlead.export.device import write_device
from fairlead.export.onnx import write_onnx


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exported.

    Args:
        version: its name: `churn:3`.
        bundle: of it, verified.
        single_file: whether a page shall be one file that holds all it needs.
        runtime: folder with the browser's runtime; None for the one that was fetched.
    """

    version: str
    bundle: Bundle
    single_file: bool = False
    runtime: Path | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A place that versions are exported to.

    Args:
        suffix: of the file's or folder's name, where none is given.
        write: writes a subject to a path that is not there yet; says what to know about it.
    """

    suffix: str
    write: Callable[[Subject, Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what to know about it."""

    path: Path
    notes: tuple[str, ...]


def export_version(
    workspace: Workspace,
    reference: str,
    to: str = "bundle",
    out: Path | None = None,
    *,
    single_file: bool = False,
    runtime: Path | None = None,
) -> Exported:
    """Write a version for another place.

    Args:
        workspace: that has the version.
        reference: of the version: `churn:2`, `churn@champion`.
        to: one of `TARGETS`.
        out: the file or folder; named after the version, in the present folder, if not given.
        single_file: for a browser, one file in place of a folder.
        runtime: for a browser, the folder that has its runtime.

    Raises:
        ConfigError: there is something at the path already, or no folder for it.
        ExportError: the version cannot run there; says why.
        StorageError: it cannot be written.
    """
    version = workspace.registry.resolve(reference)
    target = TARGETS[to]
    suffix = f"{target.suffix}.html" if single_file else target.suffix
    out = out or Path(f"{version.model}-{version.number}{suffix}")
    if out.exists():
        raise ConfigError(f"{out} exists.", hint="Choose another name with --out.")
    if not out.absolute().parent.is_dir():
        raise ConfigError(
            f"{out} has no folder to be in.", hint="Make it first, or choose another with --out."
        )
    subject = Subject(version.name, workspace.bundle(version), single_file, runtime)
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".export-") as folder:
            written = Path(folder) / out.name
            notes = target.write(subject, written)
            written.replace(out)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}.") from None
    return Exported(out, tuple(notes))


def _bundle(subject: Subject, out: Path) -> Sequence[str]:
    pack(subject.bundle, out)
    return ()


def _browser(subject: Subject, out: Path) -> Sequence[str]:
    runtime = find_runtime(subject.runtime)
    write_page(subject.version, subject.bundle, runtime, out, single_file=subject.single_file)
    return ("The page holds rows of the reference data, by which it checks itself.",)


def _onnx(subject: Subject, out: Path) -> Sequence[str]:
    write_onnx(subject.version, subject.bundle, out)
    return ("Its description holds rows of the reference data, to try it with.",)


def _container(subject: Subject, out: Path) -> Sequence[str]:
    write_container(subject.version, subject.bundle, out)
    return ()


def _device(subject: Subject, out: Path) -> Sequence[str]:
    package = write_device(subject.bundle, subject.version, out)
    return (f"On the device: pip install -r requirements.txt, then python {package.name} check.",)


TARGETS: Mapping[str, Target] = {
    "bundle": Target(".fairlead", _bundle),
    "browser": Target("-browser", _browser),
    "onnx": Target("-onnx", _onnx),
    "container": Target("-container", _container),
    "device": Target("-device", _device),
}
