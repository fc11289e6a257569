"""Where a version comes from: the packages, the code and the data it was made with."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.bundle import CodeFacts
from fairlead.errors import ConfigError
from fairlead.signature import Batch

ALWAYS = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx", "skops")
GIT_TIMEOUT_S = 2.0


def environment(model: object) -> dict[str, str]:
    """Versions of what a model was made with.

    Args:
        model: whose classes are looked at: its own and its bases', and those of its parameters
            (the steps of a pipeline); a path has none.

    Returns:
        By the name of the package as it is installed: Python, the packages a bundle is made with,
        and those that the model's classes come from. Packages that are not installed under a
        name, such as a module of the model's own folder, are left out.

    Example:
        >>> environment(None)["python"] == platform.python_version()
        True
    """
    tops = {kind.__module__.partition(".")[0] for kind in _kinds(model)}
    foreign = tops - sys.stdlib_module_names - {"builtins", "__main__"}
    names = {*ALWAYS, *_owners(frozenset(foreign))}
    found = {"python": platform.python_version()}
    for name in sorted(names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=64)
def _owners(modules: frozenset[str]) -> frozenset[str]:
    """The packages that modules were installed by: to look takes longer than to package a model."""
    owners = metadata.packages_distributions() if modules else {}
    return frozenset(name for module in modules for name in owners.get(module, ()))


def _kinds(model: object) -> Iterator[type]:
    """Classes of the model and of its parameters, with their bases."""
    parts = [model]
    parameters = getattr(model, "get_params", None)
    if callable(parameters) and not isinstance(model, type):
        parts += parameters(deep=True).values()
    for part in parts:
        for each in part if isinstance(part, list | tuple) else [part]:
            yield from type(each).__mro__


def code_facts(folder: Path) -> CodeFacts | None:
    """The git revision of a folder, and whether tracked files differ from it.

    Args:
        folder: of the code; a file stands for the folder it is in.

    Returns:
        None without git, outside a repository, before the first commit, or where git takes
        longer than two seconds to answer.
    """
    git = shutil.which("git")
    place = folder if folder.is_dir() else folder.parent
    revision = git and _git(git, place, "rev-parse", "--verify", "HEAD")
    if not git or not revision:
        return None
    changes = _git(git, place, "status", "--porcelain", "--untracked-files=no")
    if changes is None:
        return None
    return CodeFacts(revision=revision.strip(), changed=bool(changes.strip()))


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    """What git says, run so that it changes nothing and starts no program of the repository's."""
    quiet = ("--no-optional-locks", "-c", "core.fsmonitor=false")
    # Inside a git hook these name another repository than the folder's.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, no shell, a path as one argument
            [git, *quiet, "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            env=kept,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    return done.stdout


def data_digest(batch: Batch) -> str:
    """SHA-256 of the rows, the same for the same values however they lie in memory.

    Columns count by name, not by order; rows count in order. Missing numbers are one value
    whatever bits their NaN has, and -0.0 is 0.0.

    Args:
        batch: rows as a model takes them.

    Returns:
        64 hexadecimal digits.

    Raises:
        ConfigError: a column holds objects that are no plain values.

    Example:
        >>> one = Batch(1, ("a", "b"), np.array([[1.0, 2.0]]), {})
        >>> two = Batch(1, ("b", "a"), np.array([[2.0, 1.0]]), {})
        >>> data_digest(one) == data_digest(two)
        True
    """
    digest = hashlib.sha256(_framed(b"rows", struct.pack("<q", batch.rows)))
    for name in sorted({*batch.names, *batch.columns}):
        digest.update(_framed(b"column", name.encode("utf-8", "surrogatepass")))
        for part in _canonical(batch.column(name), name):
            digest.update(part)
    return digest.hexdigest()


def _canonical(values: npt.NDArray[Any], name: str) -> Iterator[bytes]:
    """The bytes of a column: type, shape, values in C order, little-endian."""
    dtype = values.dtype
    yield _framed(b"shape", struct.pack(f"<{values.ndim}q", *values.shape))
    if dtype.kind in "OUS":
        for value in values.ravel(order="C"):
            yield from _value(value, name)
        return
    if dtype.kind not in "biufmM":
        raise _no_plain(dtype.name, name)
    if dtype.kind == "f":  # one NaN, whatever its bits, and one zero
        values = np.where(np.isnan(values), np.nan, values) + 0.0
    little = dtype.newbyteorder("<")
    yield _framed(b"type", little.str.encode())
    yield values.astype(little).tobytes(order="C")


def _value(value: object, name: str) -> Iterator[bytes]:
    """The bytes of one value: what kind it is, how long, and itself."""
    if isinstance(value, np.ndarray):
        yield from _canonical(value, name)
        return
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        yield _framed(b"none", b"")
    elif isinstance(value, str):
        yield _framed(b"text", value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        yield _framed(b"bytes", value)
    elif isinstance(value, bool | int):
        yield _framed(type(value).__name__.encode(), str(int(value)).encode())
    elif isinstance(value, float):
        # NaN by name, so that its bits do not matter; + 0.0 makes -0.0 what it equals.
        yield _framed(b"float", b"nan" if math.isnan(value) else struct.pack("<d", value + 0.0))
    else:
        raise _no_plain(type(value).__name__, name)


def _framed(tag: bytes, content: bytes) -> bytes:
    """Content behind its kind and length, so that no two sequences read the same."""
    return b"%s %d:%s" % (tag, len(content), content)


def _no_plain(kind: str, name: str) -> ConfigError:
    return ConfigError(
        f"Field {name} holds values of type {kind}, which have no digest.",
        hint="Give text, bytes, numbers, booleans, times, or arrays of these.",
    )
