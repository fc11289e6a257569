"""What is told of rows that are set aside."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.batch.cells import Refused
from fairlead.batch.read import Taken
from fairlead.batch.types import Chunk
from fairlead.errors import InputError, Problem

SHOWN = 20


def first_refused(chunk: Chunk, refused: Refused) -> InputError:
    """The error that ends a job in which no row may be wrong."""
    first = min(refused)
    row = chunk.piece.start + first
    problems = tuple(
        msgspec.structs.replace(problem, row=chunk.piece.start + place)
        for place, found in sorted(refused.items())[:SHOWN]
        for problem in found
    )
    told = in_words(refused[first])
    return InputError(
        f"{chunk.file.path}, row {row}: {told}.",
        problems[:SHOWN],
        hint="Correct it, or set such rows aside with --on-error reject.",
    )


def in_words(problems: Sequence[Problem]) -> str:
    """What is wrong with a row, in one line."""
    said = (
        f"field '{each.field}': {each.message}" if each.field else each.message for each in problems
    )
    return "; ".join(said).rstrip(".")


def reject_lines(chunk: Chunk, taken: Taken, refused: Refused, keep: Sequence[str]) -> list[bytes]:
    """A line of JSON for each row that was set aside.

    Args:
        chunk: that they are in.
        taken: its rows.
        refused: what is wrong with rows, by place.
        keep: columns that are told of each, where it could be read.
    """
    known = {int(place): row for row, place in enumerate(taken.places)}
    kept = taken.kept.select(keep)
    lines = []
    for place, problems in sorted(refused.items()):
        told: dict[str, object] = {
            "file": chunk.file.name,
            "row": chunk.piece.start + place,
            "reason": in_words(problems),
        }
        if keep and place in known:
            told["kept"] = kept.row(known[place], named=True)
        lines.append(msgspec.json.encode(told, enc_hook=str) + b"\n")
    return lines
