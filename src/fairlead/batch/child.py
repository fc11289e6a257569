"""A process that scores chunks until who asks it is gone.

Started as `python -m fairlead.batch.child SOCKET`.
"""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

import msgspec

from fairlead.batch.engine import Done, Ready, Told, failed
from fairlead.batch.score import Scorer, Work
from fairlead.batch.types import Chunk
from fairlead.errors import FairleadError
from fairlead.runners.onnx import load_onnxruntime


def main() -> None:
    """Entry of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends it
    with Connection(int(sys.argv[1])) as asking:
        _load_libraries()
        try:
            serve(asking)
        except (EOFError, BrokenPipeError):
            return


def _load_libraries() -> None:
    """Those that nearly every job needs, while who asks is still looking through its input."""
    import polars as pl

    pl.thread_pool_size()
    load_onnxruntime()


def serve(asking: Connection) -> None:
    """Load the model, then score what is asked for."""
    work = msgspec.msgpack.decode(asking.recv_bytes(), type=Work)
    try:
        scorer = Scorer(work)
    except FairleadError as error:
        _tell(asking, failed(error))
        return
    try:
        _tell(asking, Ready())
        while True:
            chunk = msgspec.msgpack.decode(asking.recv_bytes(), type=Chunk)
            _tell(asking, _score(scorer, chunk))
    finally:
        scorer.close()


def _score(scorer: Scorer, chunk: Chunk) -> Told:
    try:
        return Done(scorer.score(chunk))
    except FairleadError as error:
        return failed(error)


def _tell(asking: Connection, told: Told) -> None:
    asking.send_bytes(msgspec.msgpack.encode(told))


if __name__ == "__main__":
    main()
