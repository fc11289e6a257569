"""The process that reads and writes tables: answers until it is not asked, or has grown large.

Started as `python -m fairlead.serving.tables.child SOCKET`.
"""

from __future__ import annotations

import os
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from fairlead.errors import InputError
from fairlead.logs import inherit_logs, tell_error
from fairlead.serving.tables.read import read
from fairlead.serving.tables.types import (
    FAREWELL,
    ROWS_BYTES_MAX,
    Question,
    Told,
    ToRead,
    Wrong,
)
from fairlead.serving.tables.write import write

IDLE_S_MAX = 60.0
FAREWELL_S = 5.0

MEMORY_BYTES_MAX = 1 << 30
"""That it may take beyond what it has once all is imported."""

KEPT_BYTES_MAX = MEMORY_BYTES_MAX // 2
"""Of these that it may still hold after an answer: the rest is the next table's."""

TOO_LARGE = Wrong(
    f"The rows of the request take more than {ROWS_BYTES_MAX} bytes once they are unpacked.",
    hint="Send several requests.",
)


def main() -> None:
    """Entry of the process."""
    import polars as pl

    inherit_logs("tables")
    pl.thread_pool_size()  # starts its threads
    at_first_bytes = _memory_bytes()
    _limit_memory(at_first_bytes)
    _silence_libraries()
    with Connection(int(sys.argv[1])) as worker:
        serve(worker, IDLE_S_MAX, FAREWELL_S, at_first_bytes + KEPT_BYTES_MAX)


def serve(worker: Connection, idle_s: float, farewell_s: float, kept_bytes_max: int) -> None:
    """Answer until the worker is gone, has asked nothing for long, or what it asked left much.

    Args:
        worker: who asks.
        idle_s: after which it says farewell.
        farewell_s: for which a question that was on its way then is still answered.
        kept_bytes_max: of memory between two questions; with more it says farewell at once.
    """
    encode = msgspec.msgpack.Encoder().encode
    decode: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
    while True:
        if not worker.poll(idle_s if _memory_bytes() <= kept_bytes_max else 0.0):
            worker.send_bytes(FAREWELL)
            if not worker.poll(farewell_s):
                return
        try:
            asked = decode.decode(worker.recv_bytes())
        except EOFError:
            return
        told = encode(_answer(asked))
        if isinstance(asked, ToRead) and len(told) > ROWS_BYTES_MAX:
            told = encode(TOO_LARGE)
        worker.send_bytes(told)


def _answer(asked: Question) -> Told:
    try:
        return read(asked) if isinstance(asked, ToRead) else write(asked)
    except InputError as error:
        return Wrong(error.message, error.problems, error.hint)
    except MemoryError:
        return TOO_LARGE
    except Exception as error:  # of a library, on someone else's bytes
        tell_error("table_failed", error)
        return Wrong("The rows cannot be read.", hint="Write them with another library.")


def _silence_libraries() -> None:
    """What they say of a hostile table is of no use to anyone, and might quote it."""
    log = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stderr = log


def _memory_bytes() -> int:
    """That it may address now; 0 where the system does not tell, which is not on Linux."""
    size = Path("/proc/self/statm")
    return int(size.read_text().split()[0]) * resource.getpagesize() if size.exists() else 0


def _limit_memory(at_first_bytes: int) -> None:
    if at_first_bytes:
        limit_bytes = at_first_bytes + MEMORY_BYTES_MAX
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
