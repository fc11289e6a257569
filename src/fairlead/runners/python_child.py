"""The process of a model that is Python code: loads it, then answers until the worker is gone.

Started as `python -m fairlead.runners.python_child SOCKET FOLDER`. Standard input is the line
to the worker: when that dies, this process ends, whatever the model is doing.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fairlead.clock import SystemClock
from fairlead.errors import ConfigError
from fairlead.logs import inherit_logs, tell_error
from fairlead.runners.link import Link
from fairlead.runners.wire import Message, encode
from fairlead.tracebacks import Tracebacks


def main() -> None:
    """Entry of the process."""
    answer_questions(_load)


def _load(folder: str) -> Any:
    sys.path.insert(0, folder)
    model = importlib.import_module("model").Model()
    if hasattr(model, "load"):
        model.load()
    return model


def answer_questions(load: Callable[..., Any], *, copy: bool = True) -> None:
    """Load a model and answer until the worker hangs up.

    Args:
        load: from the path that the process was started with, and what came after it, an object
            with `predict`, from columns by name to columns by name.
        copy: whether the model may keep or change the columns that it is given; if not, those
            it is given are gone with its answer.
    """
    inherit_logs("model")
    descriptor, arguments = int(sys.argv[1]), sys.argv[2:]
    link = Link(socket.socket(fileno=descriptor))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(2, 1)  # what the model prints goes to the log
    try:
        model = load(*arguments)
    except ConfigError as error:  # of ours
        link.send(encode(Message(error=str(error).rstrip("."))))
        return
    except BaseException as error:  # of someone else's code: anything
        tell_error("load_failed", error)
        link.send(encode(Message(error=f"loading failed with {type(error).__name__}")))
        return
    link.send(encode(Message()))
    failures = Tracebacks(SystemClock())
    while True:
        try:
            question = link.receive()
        except ConnectionError:
            return
        link.send(_answer(model, link, question, copy, failures))


def _answer(model: Any, link: Link, question: Message, copy: bool, failures: Tracebacks) -> bytes:
    try:
        answer = model.predict(link.columns(question, copy=copy))
        if not isinstance(answer, Mapping):
            answer = {"prediction": answer}
        return link.encode({str(name): np.asarray(values) for name, values in answer.items()})
    except Exception as error:  # of someone else's code; its text may hold callers' values
        failures.show(error)
        return encode(Message(error=f"it failed with {type(error).__name__}"))


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)  # this process leads its group: whatever the model started, too


if __name__ == "__main__":
    main()
