"""Fetching the runtime from an npm registry: one archive, whose digest is known beforehand."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from fairlead.errors import ConfigError, UnavailableError
from fairlead.export.browser.runtime import (
    DIGESTS,
    INTEGRITY,
    LICENCE,
    PACKAGE,
    VERSION,
    find_runtime,
    runtime_folder,
)

TIMEOUT_S = 60
ARCHIVE_BYTES_MAX = 64 << 20


def fetch_runtime(registry: str | None = None) -> Path:
    """Fetch the runtime into the user's cache, unless it is there.

    Args:
        registry: address of the npm registry; the one that npm asks if not given.

    Returns:
        The folder that it lies in.

    Raises:
        UnavailableError: the registry is not reached.
        ConfigError: its address is not known or cannot be used, or what came is not what was
            asked for.
    """
    folder = runtime_folder()
    try:
        find_runtime()
    except ConfigError:
        store_runtime(_download(registry or _npms_own()))
    return folder


def _npms_own() -> str:
    """The registry that npm asks on this machine, which knows mirrors and proxies."""
    try:
        told = subprocess.run(
            ["npm", "config", "get", "registry"],  # noqa: S607 - whichever npm the user has
            capture_output=True, text=True, check=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        raise ConfigError(
            "Which npm registry to ask is not known: there is no npm on this machine to tell it.",
            hint="Name it with --registry URL or NPM_CONFIG_REGISTRY, or a folder with the files "
            "with --runtime DIR.",
        ) from None
    return told.stdout.strip()


def store_runtime(archive: bytes) -> Path:
    """Keep the two files of a package's archive, and its licence, in the user's cache.

    Returns:
        The folder.

    Raises:
        ConfigError: it is not the archive of the version that is known here.
    """
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != INTEGRITY:
        raise ConfigError(
            f"What the registry sent is not {PACKAGE} {VERSION}: its digest is another.",
            hint="Nothing was kept of it. Ask another registry: --registry URL.",
        )
    folder = runtime_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
        for name in DIGESTS:
            member = files.extractfile(f"package/dist/{name}")
            assert member is not None
            _put(folder / name, member.read())
    _put(folder / "LICENSE", LICENCE.read_bytes())
    return folder


def _put(path: Path, content: bytes) -> None:
    """Write a file such that readers see all of it or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _download(registry: str) -> bytes:
    if not registry.startswith(("https://", "http://")):
        raise ConfigError(
            "The registry's address is none of http or https.",
            hint="Name another: --registry URL, or NPM_CONFIG_REGISTRY.",
        )
    url = f"{registry.rstrip('/')}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:  # noqa: S310  # checked above
            archive: bytes = reply.read(ARCHIVE_BYTES_MAX)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UnavailableError(
            f"The npm registry does not give {PACKAGE} {VERSION} ({type(error).__name__}).",
            hint="Name one that is reached with --registry URL or NPM_CONFIG_REGISTRY, or a "
            "folder with the files with --runtime DIR.",
        ) from None
    return archive
