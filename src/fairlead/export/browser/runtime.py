"""ONNX Runtime's build for browsers: which version, which of its files, and where they lie here.

Fairlead carries none of it. It is fetched once, when somebody asks for it, and kept.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from fairlead.errors import ConfigError

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""SHA-512 of the package's archive, in base64, as the npm registry states it."""

MODULE = "ort.wasm.bundle.min.mjs"
BINARY = "ort-wasm-simd-threaded.wasm"
DIGESTS = {
    MODULE: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    BINARY: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""SHA-256 of the files that are taken out of the archive."""

OPSETS = {"ai.onnx": 26, "ai.onnx.ml": 5}
"""Newest operators that this version knows, by their domain."""

LICENCE = Path(__file__).parent / "page" / "onnxruntime-licence.txt"
"""The package names its licence, and carries no text of it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The two files that run a graph in a page."""

    module: bytes
    binary: bytes


def runtime_folder() -> Path:
    """Where the runtime lies once it was fetched: in the user's cache, for all homes."""
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache"
    return base / "fairlead" / f"{PACKAGE}-{VERSION}"


def find_runtime(folder: Path | None = None) -> Runtime:
    """Read the runtime.

    Args:
        folder: that has its two files, as the package's `dist` does; the one where a fetched
            runtime lies if not given.

    Raises:
        ConfigError: it is not there, or its files are others than those of the version.
    """
    where = folder or runtime_folder()
    found = {}
    for name, digest in DIGESTS.items():
        try:
            found[name] = (where / name).read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                f"The browser's runtime is not there: {name} is missing"
                f"{f' in {folder}' if folder else ''}.",
                hint=f"Fetch it once with 'fairlead export --fetch-runtime', or name a folder with "
                f"the files of {PACKAGE} {VERSION}: --runtime DIR.",
            ) from None
        if hashlib.sha256(found[name]).hexdigest() != digest:
            raise ConfigError(
                f"{name} is not that of {PACKAGE} {VERSION}.",
                hint="Fetch it again with 'fairlead export --fetch-runtime'.",
            )
    return Runtime(found[MODULE], found[BINARY])
