"""Scores chunks on Ray Data: on the nodes of a cluster, or in a Ray of the job's own.

Ray carries chunks there and what became of them back. Rows do not pass through it: each process
reads its own from the files, and writes what becomes of them beside the output.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from fairlead.batch.engine import ENVIRONMENT, Done, raised
from fairlead.batch.node import MARK, Asked, Reply
from fairlead.batch.score import LOG, PART, PROFILE, REJECTS, Work, scratch_file, unwritten
from fairlead.batch.types import Chunk, Scored
from fairlead.bundle import KeyRing
from fairlead.errors import ConfigError, ModelError, UnavailableError
from fairlead.locks import hold, is_held

CPUS = 0.9
"""Of a process that scores: where all cores are taken whole, nothing else of Ray finds room."""
IN_FLIGHT = 2
"""Chunks that a process has before it: one is scored, one waits."""
OBJECTS_BYTES = 100 * 1024 * 1024
LOST_MAX = 8
"""Processes in a row that may end while they load the model."""
CONNECT_S = 10.0
"""That the head of a cluster may take to answer at all."""
STDERR = 2
PREFIX, LOCK = "fairlead-ray-", "lock"
HEAD, TRUSTED = "node:__internal_head__", "trusted"
FOLDER_LETTERS_MAX = 40
"""Of a path: the sockets in there may have 107."""
SAME = ("fairlead", "numpy", "onnxruntime", "polars")
"""Libraries that the bytes of a part depend on."""
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


class RayEngine:
    """Scores on Ray.

    Args:
        workers: processes that score at once; 0 for one on each core that the cluster has.
        address: HOST:PORT of a cluster that this machine is a node of, or `auto`; empty for a Ray
            of this engine's own, which ends with it.
    """

    def __init__(self, workers: int, address: str = "") -> None:
        self._workers = workers
        self._address = address
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def prepare(self, size_bytes: int, *, threads: bool) -> None:  # noqa: ARG002  # always Ray
        """Start Ray, or join the cluster.

        Raises:
            ConfigError: Ray is not installed, or another version of it than in the cluster.
            UnavailableError: there is no such cluster.
        """
        if self._address:
            _check(self._address)
        own = OWN | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
        for name, value in (QUIET | (JOINING if self._address else own)).items():
            os.environ.setdefault(name, value)
        try:
            import ray.data
        except ImportError:
            raise ConfigError(
                "To score on Ray needs Ray, which is not installed.",
                hint="pip install 'fairlead[ray]'",
            ) from None
        if self._address:
            self._open.callback(ray.shutdown)
            _join(ray, self._address)
        else:
            _start(ray, self._workers, self._open)
        for name in ("ray", "ray.data"):  # what is wrong is said by the error
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def run(self, work: Work, chunks: Sequence[Chunk]) -> Iterator[Scored]:
        """Score chunks, in any order."""
        import ray

        workers = min(self._workers or _cores(ray, self._address), len(chunks))
        scratch = Path(work.scratch)
        try:
            asked = _lay_out(work, scratch, whole=bool(self._address))
        except OSError as error:
            raise unwritten(scratch, error) from error
        try:
            for row in _stream(asked, chunks, workers):
                yield _heard(row, scratch)
        except (ray.exceptions.RayError, ray.data.exceptions.UserCodeException) as error:
            raise ModelError(
                f"Ray did not score all chunks ({type(error).__name__}).",
                hint="See whether its nodes live and have memory; then run the job again to go on.",
            ) from error


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


def _join(ray: Any, address: str) -> None:
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
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (OSError, ValueError):
        raise absent from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise absent from None
        raise ConfigError(
            f"The Ray cluster at {address} has another version of Ray or Python than this machine.",
            hint="Install the same on all.",
        ) from error


def _start(ray: Any, workers: int, end: ExitStack) -> None:
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
            num_cpus=workers,
            num_gpus=0,
            object_store_memory=OBJECTS_BYTES,
            include_dashboard=False,
            log_to_driver=False,
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


def _cores(ray: Any, address: str) -> int:
    """Processes that a cluster has room for.

    Raises:
        UnavailableError: none.
    """
    cores = int(ray.cluster_resources().get("CPU", 0))
    if cores < 1:
        raise UnavailableError(
            f"The Ray cluster at {address} has no core for this job.",
            hint="Add a node; or say with --workers how far it should scale itself.",
        )
    return cores


def _lay_out(work: Work, scratch: Path, *, whole: bool) -> Asked:
    """Leave in the scratch folder what nodes need that have no home of ours.

    Args:
        work: as this machine knows it.
        scratch: the folder, which all nodes see.
        whole: whether the bundle goes there, too, and whose signatures are accepted.
    """
    mark = uuid.uuid4().hex
    (scratch / MARK).write_text(mark)
    if not whole:
        return Asked(work=work, mark=mark)
    bundle, keys = scratch / "bundle", scratch / "keys"
    own = Path(work.keys)
    shutil.copytree(work.bundle, bundle)
    if (own / TRUSTED).exists():
        shutil.copytree(own / TRUSTED, keys / TRUSTED)
    KeyRing(keys).trust(KeyRing(own).public, "who runs the job")
    return Asked(work=replace(work, bundle=str(bundle), keys=str(keys)), mark=mark)


def _stream(asked: Asked, chunks: Sequence[Chunk], workers: int) -> Iterator[tuple[str, bytes]]:
    """What the processes of Ray say of each chunk: why they cannot work, or a `Reply`."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_consecutive_actor_init_deaths = LOST_MAX
    encode = msgspec.msgpack.encode
    head = next((n["NodeID"] for n in ray.nodes() if HEAD in n["Resources"]), "")
    rows = ray.data.from_items(
        [{"chunk": encode(chunk)} for chunk in chunks], override_num_blocks=len(chunks)
    )
    replies = rows.map_batches(
        _seat(),
        fn_constructor_args=(encode(asked), _versions(), head),
        batch_size=1,
        batch_format="numpy",
        num_cpus=CPUS,
        runtime_env={"env_vars": ENVIRONMENT},
        compute=ActorPoolStrategy(
            min_size=1,
            max_size=workers,
            initial_size=workers,
            max_tasks_in_flight_per_actor=IN_FLIGHT,
        ),
    )
    for batch in replies.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy"):
        yield from zip(batch["unfit"].tolist(), batch["told"].tolist(), strict=True)


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in SAME}


def _seat() -> type:
    """What Ray makes a process of; it goes there whole, so that it can tell what is not there."""

    class Seat:
        def __init__(self, asked: bytes, versions: dict[str, str], head: str) -> None:
            from importlib import metadata

            import ray

            role = "head" if ray.get_runtime_context().get_node_id() == head else "worker"
            where = f"The {role} node {ray.util.get_node_ip_address()} of the Ray cluster"
            wrong = []
            for name, wanted in versions.items():
                try:
                    found = metadata.version(name)
                except metadata.PackageNotFoundError:
                    found = "none"
                if found != wanted:
                    wrong.append(f"{name} {found} instead of {wanted}")
            self._unfit = f"{where} has {', '.join(wrong)}." if wrong else ""
            if not wrong:
                from fairlead.batch.node import Node

                self._node = Node(asked, where)

        def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
            told = b"" if self._unfit else self._node.score(batch["chunk"][0])
            return {"unfit": [self._unfit], "told": [told]}

    return Seat


def _heard(row: tuple[str, bytes], scratch: Path) -> Scored:
    """Take over the files of a chunk from who scored it.

    Raises:
        FairleadError: it could not be scored.
        StorageError: the files are not here.
    """
    unfit, told = row
    if unfit:
        raise ConfigError(unfit, hint="Install the same on all nodes: pip install 'fairlead[ray]'.")
    reply = msgspec.msgpack.decode(told, type=Reply)
    if not isinstance(reply.told, Done):
        raise raised(reply.told)
    scored = reply.told.scored
    for what in (LOG, PROFILE, REJECTS, PART):
        written = scratch_file(scratch / reply.folder, scored.chunk, what)
        try:
            if written.exists():
                written.replace(scratch_file(scratch, scored.chunk, what))
        except OSError as error:
            raise unwritten(written, error) from error
    return scored
