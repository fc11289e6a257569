"""Decisions from a file: all that it tells, or none of it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fairlead.errors import (
    ConfigError,
    ConflictError,
    FairleadError,
    InputError,
    Problem,
    TooLargeError,
)
from fairlead.review.book import ReviewBook
from fairlead.review.exchange import Form, read_line, write_task
from fairlead.signature import parse_json

DECISIONS_MAX = 10_000
"""That are brought together, since they are committed together."""


class Brought(msgspec.Struct, frozen=True):
    """What came of a file.

    Args:
        decided: tasks that are decided now.
        left_out: lines that decide nothing, or what was decided so before.
    """

    decided: int
    left_out: int


def write_lines(book: ReviewBook, queue: str, form: Form, *, decided: bool) -> Iterator[bytes]:
    """The tasks of a queue, a line of JSON for each.

    Args:
        book: of the queues.
        queue: its name.
        form: of the lines.
        decided: those that somebody has decided; or else those that wait.

    Raises:
        NotFoundError: there is no such queue; names the nearest.
    """
    queues = book.queues
    for task in queues.decided(queue) if decided else queues.waiting(queue):
        line = write_task(task, queues.question(task.endpoint), form)
        yield msgspec.json.encode(line) + b"\n"


def bring(book: ReviewBook, queue: str, content: bytes, name: str, reviewer: str) -> Brought:
    """Decide what a file tells: lines of JSON, or one list of JSON as Label Studio writes it.

    Args:
        book: of the queues.
        queue: whose tasks they are.
        content: of the file.
        name: of the file, for errors.
        reviewer: who has decided.

    Raises:
        NotFoundError: there is no such queue; names the nearest.
        InputError: names each line that cannot be taken, and why; nothing is decided then.
        ConflictError: somebody else decided at the same moment; nothing is decided then.
    """
    book.queues.places(queue)
    problems: list[Problem] = []
    decisions: dict[str, object] = {}
    left_out = 0
    for number, line in _lines(content):
        try:
            told = read_line(parse_json(line))
            if told is None or _is_so(book, queue, told):
                left_out += 1
                continue
            if told[0] in decisions:
                raise ConflictError("An earlier line decides the same prediction.")
            decisions[told[0]] = told[1]
        except FairleadError as error:
            problems.append(Problem(str(error), row=number, field="decision"))
    if problems:
        count = "One line" if len(problems) == 1 else f"{len(problems)} lines"
        raise InputError(
            f"{name}: {count} cannot be taken, so that nothing was.",
            tuple(problems),
            hint="Rows are lines, from 1.",
        )
    if len(decisions) > DECISIONS_MAX:
        raise TooLargeError(f"{name} has more than {DECISIONS_MAX} decisions.", hint="Cut it.")
    if decisions:
        book.decide_all(decisions.items(), reviewer)
    return Brought(len(decisions), left_out)


def _is_so(book: ReviewBook, queue: str, told: tuple[str, object]) -> bool:
    """Whether a decision stands already; refuses what cannot be decided."""
    task = book.queues.task(told[0])
    if task.queue != queue:
        raise ConfigError("This prediction waits in another queue.")
    value = book.check(task, told[1])
    if task.state == "open":
        return False
    if task.decision != value:
        raise ConflictError("Somebody has decided otherwise.")
    return True


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers; the elements of a list, if it is one."""
    if content.lstrip().startswith(b"["):
        try:
            elements = msgspec.json.decode(content, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            parse_json(content)  # says what is wrong with it
            raise
        yield from enumerate(map(bytes, elements), start=1)
        return
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield number, line
