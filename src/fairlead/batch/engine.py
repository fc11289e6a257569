"""Where chunks are scored: the port, and the threads and processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack, closing
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Protocol, Self

import msgspec

from fairlead.batch.score import Scorer, Work
from fairlead.batch.types import Chunk, Scored
from fairlead.errors import FairleadError, InputError, ModelError, Problem

MODULE = "fairlead.batch.child"
ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Chunks are alike: what one has freed the next one takes, without asking the system for it.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(1024 * 1024 * 1024),
}
WORTH_BYTES = 8 * 1024 * 1024
"""Of files, for each of which another process is worth its start."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why a process could not do what it was asked for.

    Args:
        code: of the error.
        message: of it.
        problems: with single rows.
        hint: what to do.
    """

    code: str
    message: str
    problems: tuple[Problem, ...] = ()
    hint: str = ""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """A process has loaded the model."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """A process has scored a chunk."""

    scored: Scored


Told = Failed | Ready | Done
_decode: Callable[[bytes], Told] = msgspec.msgpack.Decoder(Told).decode


class Engine(Protocol):
    """Scores the chunks of a job, wherever it does that."""

    def prepare(self, size_bytes: int, *, threads: bool) -> None:
        """Get ready, if that takes time, while the input is looked through.

        Args:
            size_bytes: of the input's files.
            threads: whether chunks may be scored in threads of one process: libraries read and
                score them, and the interpreter is hardly needed.
        """
        ...

    def run(self, work: Work, chunks: Sequence[Chunk]) -> Iterator[Scored]:
        """Score chunks, in any order.

        Args:
            work: what has to be known; what there is to commit is left in its scratch folder.
            chunks: at least one.

        Yields:
            What became of each, as soon as it is done.

        Raises:
            FairleadError: one of them could not be scored.
        """
        ...


class LocalEngine:
    """Scores in threads of this process, where these can use all cores, or in other processes.

    Args:
        workers: how many there may be.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads = False
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.close()

    def prepare(self, size_bytes: int, *, threads: bool) -> None:
        """Start processes: they have loaded their libraries by the time there is work."""
        self._threads = threads
        if threads:
            return
        wanted = min(self._workers, -(-size_bytes // WORTH_BYTES))
        if wanted > 1:
            self._children += [Child() for _ in range(wanted - len(self._children))]

    def run(self, work: Work, chunks: Sequence[Chunk]) -> Iterator[Scored]:
        """Score chunks, in any order."""
        workers = min(self._workers, len(chunks))
        if workers == 1 or self._threads:
            return _here(work, chunks, workers)
        self._children += [Child() for _ in range(workers - len(self._children))]
        return _beside(self._children[:workers], work, chunks)


def _here(work: Work, chunks: Sequence[Chunk], workers: int) -> Iterator[Scored]:
    """Score in threads, each of which has a model of its own."""
    free: SimpleQueue[Scorer] = SimpleQueue()
    with ExitStack() as loaded, ThreadPoolExecutor(workers) as threads:
        for _ in range(workers):
            free.put(loaded.enter_context(closing(Scorer(work))))

        def score(chunk: Chunk) -> Scored:
            scorer = free.get()
            try:
                return scorer.score(chunk)
            finally:
                free.put(scorer)

        left = iter(chunks)
        running = {threads.submit(score, chunk) for chunk in islice(left, workers + 1)}
        while running:
            done, running = wait_for(running, return_when=FIRST_COMPLETED)
            for one in done:
                running |= {threads.submit(score, chunk) for chunk in islice(left, 1)}
                yield one.result()


def _beside(children: Sequence[Child], work: Work, chunks: Sequence[Chunk]) -> Iterator[Scored]:
    waiting = deque(chunks)
    for child in children:
        child.begin(work)
    busy = {child.connection: child for child in children}
    while busy:
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)
            child = busy[connection]
            told = child.hear()
            if isinstance(told, Done):
                yield told.scored
            if waiting:
                child.ask(waiting.popleft())
            else:
                del busy[connection]


class Child:
    """One process; it ends when this one does."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", MODULE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **ENVIRONMENT},
            )
        self._chunk: Chunk | None = None

    def begin(self, work: Work) -> None:
        """Have the model loaded."""
        self._send(work)

    def ask(self, chunk: Chunk) -> None:
        """Have a chunk scored."""
        self._chunk = chunk
        self._send(chunk)

    def hear(self) -> Ready | Done:
        """What it says.

        Raises:
            FairleadError: it failed, or died.
        """
        try:
            told = _decode(self.connection.recv_bytes())
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(told, Failed):
            raise raised(told)
        return told

    def close(self) -> None:
        """End it."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    def _send(self, what: Work | Chunk) -> None:
        try:
            self.connection.send_bytes(msgspec.msgpack.encode(what))
        except OSError:
            raise self._died() from None

    def _died(self) -> ModelError:
        status, chunk = self._process.wait(), self._chunk
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        where = ""
        if chunk is not None:
            last = chunk.piece.start + chunk.piece.rows - 1
            where = f" at rows {chunk.piece.start} to {last} of {chunk.file.path}"
        return ModelError(
            f"A process that scores ended {how}{where}.",
            hint="If memory ran out, allow less with --memory; then run the job again to go on.",
        )


def failed(error: FairleadError) -> Failed:
    """An error as it passes between processes."""
    problems = error.problems if isinstance(error, InputError) else ()
    return Failed(error.code, error.message, problems, error.hint)


def raised(told: Failed) -> FairleadError:
    """An error as it was raised in another process."""
    if told.code == InputError.code:
        return InputError(told.message, told.problems, hint=told.hint)
    kinds: dict[str, type[FairleadError]] = {k.code: k for k in _kinds(FairleadError)}
    return kinds[told.code](told.message, hint=told.hint)


def _kinds(root: type[FairleadError]) -> Iterator[type[FairleadError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)
