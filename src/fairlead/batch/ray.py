"""Scores chunks on Ray Data: on the nodes of a cluster, or in a Ray of the job's own.

Ray carries chunks there and what became of them back. Rows do not pass through it: each process
reads its own from the files, and writes what becomes of them beside the output.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from fairlead.batch.connect import connect, hush
from fairlead.batch.engine import ENVIRONMENT, Done, raised
from fairlead.batch.node import MARK, Asked, Reply
from fairlead.batch.score import LOG, PART, PROFILE, REJECTS, Work, scratch_file, unwritten
from fairlead.batch.types import Chunk, Scored
from fairlead.bundle import KeyRing
from fairlead.errors import ConfigError, ModelError, UnavailableError

CPUS = 0.9
"""Of a process that scores: where all cores are taken whole, nothing else of Ray finds room."""
IN_FLIGHT = 2
"""Chunks that a process has before it: one is scored, one waits."""
LOST_MAX = 8
"""Processes in a row that may end while they load the model."""
HEAD, TRUSTED = "node:__internal_head__", "trusted"
SAME = ("fairlead", "numpy", "onnxruntime", "polars")
"""Libraries that the bytes of a part depend on."""


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
        connect(self._address, self._open, cores=self._workers)

    def run(self, work: Work, chunks: Sequence[Chunk]) -> Iterator[Scored]:
        """Score chunks, in any order."""
        import ray.data

        hush()
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
