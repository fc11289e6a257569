"""The manifest: every file of a bundle with its size and SHA-256. Pure.

    fairlead-bundle 1
    <64 hex digits>  <size>  <path>
    …

Lines are sorted by path; the SHA-256 of these bytes is the bundle's digest, its name everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from fairlead.errors import BundleError

HEAD = "fairlead-bundle 1"
FILES_MAX = 10_000
PATH_LENGTH_MAX = 255
SIZE_BYTES_MAX = 1 << 40

_LINE = re.compile(r"([0-9a-f]{64})  (0|[1-9][0-9]{0,15})  (.+)")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One file of a bundle.

    Args:
        path: inside the bundle, with `/`.
        digest: SHA-256, hex.
        size: in bytes.
    """

    path: str
    digest: str
    size: int


def is_safe_path(path: str) -> bool:
    r"""Whether a path names a plain file below the bundle on every system.

    Relative, in NFC, without empty, `.` or `..` segments, backslashes, colons or control
    characters, and not in the way of the manifest itself.

    Example:
        >>> [is_safe_path(p) for p in ("model/model.onnx", "../x", "/x", "a//b", "a\\b", "a:b")]
        [True, False, False, False, False, False]
    """
    segments = path.split("/")
    return (
        0 < len(path) <= PATH_LENGTH_MAX
        and unicodedata.is_normalized("NFC", path)
        and all(segment not in ("", ".", "..") for segment in segments)
        and not any(c in '\\:*?"<>|' or unicodedata.category(c)[0] == "C" for c in path)
        and segments[0] not in ("manifest", "manifest.sig")
    )


def write_manifest(entries: Iterable[Entry]) -> bytes:
    """The bytes of a manifest.

    Raises:
        BundleError: a path is not safe, or there are too many.
    """
    ordered = sorted(entries)
    if len(ordered) > FILES_MAX:
        raise BundleError(f"A bundle holds at most {FILES_MAX} files.")
    for entry in ordered:
        if not is_safe_path(entry.path):
            raise BundleError(f"{entry.path!r} cannot be a path in a bundle.")
    lines = [HEAD, *(f"{entry.digest}  {entry.size}  {entry.path}" for entry in ordered)]
    return ("\n".join(lines) + "\n").encode()


def read_manifest(raw: bytes) -> tuple[Entry, ...]:
    """The entries of a manifest, which must be exactly as `write_manifest` writes them.

    Raises:
        BundleError: it is not.
    """
    try:
        lines = raw.decode().split("\n")
    except UnicodeDecodeError:
        raise BundleError("The bundle's manifest is not text.") from None
    if lines[0] != HEAD:
        raise BundleError(
            "The bundle's manifest is of a format that is not known.",
            hint="It may need a newer Fairlead.",
        )
    if lines[-1] != "" or len(lines) - 2 > FILES_MAX:
        raise BundleError("The bundle's manifest is cut short or too long.")
    entries = tuple(_entry(line) for line in lines[1:-1])
    if list(entries) != sorted(set(entries)) or len({e.path for e in entries}) != len(entries):
        raise BundleError("The bundle's manifest is not in order.")
    return entries


def _entry(line: str) -> Entry:
    match = _LINE.fullmatch(line)
    if match is None or not is_safe_path(match[3]) or int(match[2]) > SIZE_BYTES_MAX:
        raise BundleError("The bundle's manifest has a line that is not valid.")
    return Entry(path=match[3], digest=match[1], size=int(match[2]))
