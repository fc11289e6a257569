"""A Ray cluster is joined, or a Ray of one's own is started that ends with this process."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigError, UnavailableError
from fairlead.locks import hold, is_held

OBJECTS_BYTES = 100 * 1024 * 1024
CONNECT_S = 10.0
"""That the head of a cluster may take to answer at all."""
STDERR = 2
PREFIX, LOCK = "fairlead-ray-", "lock"
FOLDER_LETTERS_MAX = 40
"""Of a path: the sockets in there may have 107."""
OWN = {
    # Ports on loopback alone, as Ray does of itself on other systems than Linux.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Else it takes the token of the user's home, and leaves one there.
    "RAY_AUTH_MODE": "token",
}
JOINING = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "10"}
"""It tries for minutes else, where something answers that is no Ray."""
QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}


def connect(address: str, end: ExitStack, *, cores: int, prints: bool = False) -> Any:
    """Start Ray, or join a cluster.

    Args:
        address: HOST:PORT of a cluster that this machine is a node of, or `auto`; empty for a Ray
            of one's own, which ends with this process, however that ends.
        end: lets go of it.
        cores: of a Ray of one's own; 0 for all.
        prints: whether what its processes print is printed here.

    Returns:
        The module `ray`.

    Raises:
        ConfigError: Ray is not installed, or another version of it than in the cluster.
        UnavailableError: there is no such cluster.
    """
    if address:
        _check(address)
    own = OWN | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in (QUIET | (JOINING if address else own)).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "This needs Ray, which is not installed.", hint="pip install 'fairlead[ray]'"
        ) from None
    if address:
        end.callback(ray.shutdown)
        _join(ray, address, prints=prints)
    else:
        _start(ray, cores, end, prints=prints)
    hush()
    return ray


def hush() -> None:
    """Let Ray's own loggers be still, whose level each import of a part of it sets anew."""
    for name in ("ray", "ray.data"):  # what is wrong is said by the error
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check(address: str) -> None:
    """See that an address can be one.

    Raises:
        ConfigError: it cannot.
    """
    host, _, port = address.rpartition(":")
    if "://" in address or not (address == "auto" or (host and port.isdecimal())):
        raise ConfigError(
            f"{address} is not the address of a Ray cluster.",
            hint="Name HOST:PORT of its head, as `ray start --head` prints it, on a machine that "
            "is one of its nodes; or `ray job submit` the line.",
        )


def _join(ray: Any, address: str, *, prints: bool) -> None:
    """Join a cluster.

    Raises:
        ConfigError: it has another version of Ray or Python.
        UnavailableError: it is not there.
    """
    host, _, port = address.rpartition(":")
    absent = UnavailableError(
        f"There is no Ray cluster at {address}, or this machine is none of its nodes.",
        hint="Start one with `ray start --head`, join it with `ray start --address`; or say "
        "nothing of an address, for a Ray of this job's own.",
    )
    try:
        if host:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        with _hushed():
            ray.init(address=address, log_to_driver=prints, logging_level=logging.CRITICAL)
    except (OSError, ValueError):
        raise absent from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise absent from None
        raise ConfigError(
            f"The Ray cluster at {address} has another version of Ray or Python than this machine.",
            hint="Install the same on all.",
        ) from error


def _start(ray: Any, cores: int, end: ExitStack, *, prints: bool) -> None:
    """Start a Ray on this machine that ends with this process, however that ends."""
    base = Path(tempfile.gettempdir())
    if len(str(base)) > FOLDER_LETTERS_MAX - len(PREFIX) - 8:
        base = Path("/tmp")  # noqa: S108  # what is made in there is made by tempfile
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    end.callback(shutil.rmtree, folder, ignore_errors=True)
    end.enter_context(hold(folder / LOCK))
    end.callback(ray.shutdown)
    with _hushed():
        ray.init(
            address="local",
            num_cpus=cores or None,
            num_gpus=0,
            object_store_memory=OBJECTS_BYTES,
            include_dashboard=False,
            log_to_driver=prints,
            logging_level=logging.CRITICAL,
            _temp_dir=str(folder),
        )


@contextmanager
def _hushed() -> Iterator[None]:
    """Nothing goes to standard error: the part of Ray in C++ tells there how it comes up."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


def _sweep(base: Path) -> None:
    """Remove the folders of this user's that were killed; another's may hold anything."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError):  # one that is just being made
            if folder.lstat().st_uid == os.getuid() and not is_held(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)
