"""What scores chunks on a node of a cluster, whose disks are not those of who asks."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fairlead.batch.engine import Done, Failed, failed
from fairlead.batch.score import Scorer, Work, scratch_file, unwritten
from fairlead.batch.types import Chunk, Scored
from fairlead.errors import ConfigError, FairleadError, ModelError

MARK, TRIES = "mark", "tries"
TRIES_MAX = 4
"""Processes that may end at one chunk, be it the chunk's fault or not."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a process of a node is sent before it is sent chunks.

    Args:
        work: of which the scratch folder is the job's.
        mark: that lies in there, to tell it from one of this name on the node's own disk.
    """

    work: Work
    mark: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a chunk, and where.

    Args:
        told: whether it was scored.
        folder: that its files lie in, in the scratch folder.
    """

    told: Done | Failed
    folder: str


class Node:
    """Scores chunks in a folder of its own: another process may be at work on the same one.

    Args:
        asked: an `Asked`, as MessagePack.
        where: what the errors call this node.
    """

    def __init__(self, asked: bytes, where: str) -> None:
        self._asked = msgspec.msgpack.decode(asked, type=Asked)
        self._where = where
        self._folder = f"node-{uuid.uuid4().hex}"
        self._scorer: Scorer | None = None

    def score(self, raw: bytes) -> bytes:
        """Score a chunk.

        Args:
            raw: a `Chunk`, as MessagePack.

        Returns:
            A `Reply`, as MessagePack.
        """
        told: Done | Failed
        try:
            told = Done(self._score(msgspec.msgpack.decode(raw, type=Chunk)))
        except FairleadError as error:
            told = failed(error)
        return msgspec.msgpack.encode(Reply(told=told, folder=self._folder))

    def _score(self, chunk: Chunk) -> Scored:
        scratch = Path(self._asked.work.scratch)
        self._see(scratch, chunk)
        _count(scratch, chunk)
        if self._scorer is None:
            self._scorer = self._load(scratch)
        scored = self._scorer.score(chunk)
        scratch_file(scratch, chunk.number, TRIES).unlink(missing_ok=True)
        return scored

    def _load(self, scratch: Path) -> Scorer:
        own = scratch / self._folder
        try:
            own.mkdir()
        except OSError as error:
            raise unwritten(own, error) from error
        return Scorer(replace(self._asked.work, scratch=str(own)))

    def _see(self, scratch: Path, chunk: Chunk) -> None:
        """See that this node has before it what who asks has.

        Raises:
            ConfigError: it has not.
        """
        try:
            unseen = (scratch / MARK).read_text() != self._asked.mark
        except OSError:
            unseen = True
        if not unseen and Path(chunk.file.path).exists():
            return
        raise ConfigError(
            f"{self._where} cannot see {scratch if unseen else chunk.file.path}.",
            hint="Put input and output on a file system that all nodes share, under one path.",
        )


def _count(scratch: Path, chunk: Chunk) -> None:
    """Note that a chunk is tried.

    Raises:
        ModelError: it was tried often enough.
    """
    path = scratch_file(scratch, chunk.number, TRIES)
    try:
        with path.open("ab") as file:
            tries = file.tell()
            file.write(b".")
    except OSError as error:
        raise unwritten(path, error) from error
    if tries >= TRIES_MAX:
        last = chunk.piece.start + chunk.piece.rows - 1
        raise ModelError(
            f"{tries} processes that score ended at rows {chunk.piece.start} to {last} of "
            f"{chunk.file.path}.",
            hint="If memory ran out, ask for fewer --workers; then run the job again to go on.",
        )
