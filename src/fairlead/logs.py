"""What a process tells who runs it: one line for each event, on standard error.

As text for people, or as JSON for programs. To tell never fails and never waits: what a full pipe
or a full disk does not take is dropped, and how much that was is told as soon as it can be.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
FORMAT_NAME = "FAIRLEAD_LOG_FORMAT"
LEVEL_NAME = "FAIRLEAD_LOG_LEVEL"
LINE_BYTES_MAX = 4096
"""Of JSON: what a pipe takes whole, so that lines of several processes do not mix."""


@dataclass(slots=True)
class _Told:
    """How this process tells, and what it could not.

    Args:
        process: its name.
        format: of lines.
        level: the least that is told, as a place in `LEVELS`.
        dropped: lines that could not be written since the last one that could.
    """

    process: str = "fairlead"
    format: Format = "text"
    level: int = LEVELS.index("warning")
    dropped: int = 0


_told = _Told()


def configure_logs(process: str, format: Format = "text", level: Level | None = None) -> None:  # noqa: A002
    """Say how this process tells, and those that it starts.

    Args:
        process: its name, e.g. `supervisor`.
        format: of lines.
        level: the least that is told; `warning` as text and `info` as JSON, if not given.
    """
    least: Level = level or ("info" if format == "json" else "warning")
    _told.process, _told.format, _told.level = process, format, LEVELS.index(least)
    os.environ |= {FORMAT_NAME: format, LEVEL_NAME: least}
    if format == "json":
        _take_over()


def inherit_logs(process: str) -> None:
    """Tell as the process does that started this one.

    Args:
        process: the name of this one.
    """
    form, level = os.environ.get(FORMAT_NAME), os.environ.get(LEVEL_NAME)
    known = next((each for each in LEVELS if each == level), None)
    configure_logs(process, "json" if form == "json" else "text", known)


def tells_json() -> bool:
    """Whether lines are for programs."""
    return _told.format == "json"


def is_told(level: Level) -> bool:
    """Whether events of a level are told: where it costs something to say them."""
    return LEVELS.index(level) >= _told.level


def tell(level: Level, event: str, message: str, **fields: Any) -> None:
    """Tell an event.

    Args:
        level: how bad it is.
        event: what happened, in a word or two that do not change, `process_died`.
        message: the same for people.
        fields: what is known of it, for programs; those that are None are left out.
    """
    if is_told(level):
        _write(_json(level, event, message, fields) if tells_json() else f"fairlead: {message}\n")


def tell_error(event: str, error: BaseException, message: str = "", **fields: Any) -> None:
    """Tell an error that nobody expected, with where it came from.

    Args:
        event: as in `tell`.
        error: the error.
        message: what it means, if more than the error itself is known.
        fields: as in `tell`.
    """
    text = "".join(traceback.format_exception(error))
    if tells_json():
        said = message or f"{type(error).__name__}: {error}"
        fields = {"error": type(error).__name__, "traceback": text, **fields}
        _write(_json("error", event, said, fields))
    else:
        _write(text)


def relay(text: str) -> None:
    """Tell what a process told that this one has started, as it is."""
    _write(text)


def _json(level: Level, event: str, message: str, fields: dict[str, Any]) -> str:
    """One line. What makes it too long is cut: of a traceback its beginning."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": now, "level": level, "process": _told.process, "pid": os.getpid()}
    line |= {"event": event, "message": message}
    line |= {name: value for name, value in fields.items() if value is not None}
    raw = _encode(line)
    while len(raw) >= LINE_BYTES_MAX:
        longest = max(line, key=lambda name: len(str(line[name])))
        text = str(line[longest])
        half = max(1, len(text) // 2)
        line[longest] = f"… {text[-half:]}" if longest == "traceback" else f"{text[:half]} …"
        raw = _encode(line)
    return f"{raw}\n"


def _encode(line: dict[str, Any]) -> str:
    clean = {
        name: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in line.items()
    }
    return msgspec.json.encode(clean, enc_hook=str).decode()


def _write(text: str) -> None:
    """Write, or drop what cannot be written now."""
    dropped, _told.dropped = _told.dropped, 0
    if dropped:
        tell("warning", "lines_dropped", f"{dropped} lines before this could not be written.",
             lines=dropped)  # fmt: skip
    if _told.dropped or not _written(text):
        _told.dropped = dropped + 1


def _written(text: str) -> bool:
    """Whether all of it could be written."""
    stream = sys.stderr
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):  # a notebook's or a test's, or there is none
        with contextlib.suppress(Exception):
            stream.write(text)
        return True
    raw = text.encode(errors="backslashreplace")
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.write(descriptor, raw) == len(raw)
        return all(
            _fits(descriptor) and os.write(descriptor, raw[start : start + select.PIPE_BUF])
            for start in range(0, len(raw), select.PIPE_BUF)
        )
    except OSError:
        return False


def _fits(descriptor: int) -> bool:
    """Whether a pipe or a terminal takes some bytes without waiting for its reader."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(0))


def _take_over() -> None:
    """Let what Python and its libraries tell be lines of the same form."""
    import logging
    import threading

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info and record.exc_info[1]
            if error:
                tell_error("library", error, record.getMessage(), logger=record.name)
            else:
                level: Level = "error" if record.levelno >= logging.ERROR else "warning"
                tell(level, "library", record.getMessage(), logger=record.name)

    logging.basicConfig(handlers=[Handler(logging.WARNING)], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _, error, __: tell_error("process_failed", error)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            tell_error("thread_failed", args.exc_value, thread=args.thread and args.thread.name)

    threading.excepthook = in_thread
