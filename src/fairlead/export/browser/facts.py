"""What a page knows of its version: the signature with its words, how it is fed, the receipt."""

from __future__ import annotations

import msgspec

from fairlead.bundle import Bundle, TensorInput, TensorOutput, Tolerance, read_file
from fairlead.forms import answer_of
from fairlead.signature import Field, FieldKind, Scalar, element, families
from fairlead.signature.columns import imputed
from fairlead.signature.findings import FIELDS_MAX, HINT, LISTED_MAX
from fairlead.signature.kinds import RULES
from fairlead.signature.read import known_in_words
from fairlead.signature.records import EMPTY, ROWS_HINT


class InputFacts(msgspec.Struct, frozen=True, rename="camel"):
    """One input: what is checked, and the words of what is refused."""

    name: str
    kind: FieldKind
    element: str
    shape: tuple[int, ...]
    categories: tuple[Scalar, ...]
    missing: str
    unknown: str
    impute: object
    coerce: bool
    families: list[str]
    expected: str
    known: str


class OutputFacts(msgspec.Struct, frozen=True):
    """One output: how it is written; names of the last axis, if it has some."""

    name: str
    kind: FieldKind
    shape: tuple[int, ...]
    names: tuple[str, ...]


class Words(msgspec.Struct, frozen=True, rename="camel"):
    """What is said of rows as a whole."""

    empty: str = EMPTY
    rows_hint: str = ROWS_HINT
    hint: str = HINT
    listed_max: int = LISTED_MAX
    fields_max: int = FIELDS_MAX


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """All that a page knows.

    Args:
        version: its name.
        digest: of its bundle.
        inputs: fields in.
        outputs: fields out.
        extra: what happens to fields that the signature does not know.
        answer: the output that is shown large.
        feeds: what fills the graph's inputs.
        asked: the graph's outputs, and the fields that they become.
        missing_text: stands for a missing text in the graph.
        tolerance: how exactly the receipt must be reproduced.
        receipt: rows and the answers to them.
        words: of refusals.
    """

    version: str
    digest: str
    inputs: tuple[InputFacts, ...]
    outputs: tuple[OutputFacts, ...]
    extra: str
    answer: str | None
    feeds: tuple[dict[str, object], ...]
    asked: tuple[TensorOutput, ...]
    missing_text: str
    tolerance: dict[str, float]
    receipt: msgspec.Raw
    words: Words = Words()


def facts_of(version: str, bundle: Bundle, missing_text: str) -> Facts:
    """Gather what a page knows.

    Args:
        version: its name.
        bundle: of it.
        missing_text: stands for a missing text in the page's graph.
    """
    info = bundle.info
    answer = answer_of(info.signature)
    return Facts(
        version=version,
        digest=bundle.digest,
        inputs=tuple(map(input_facts, info.signature.inputs)),
        outputs=tuple(map(_output, info.signature.outputs)),
        extra=info.signature.extra,
        answer=answer.name if answer else None,
        feeds=tuple(map(_feed, info.runner.inputs)),
        asked=info.runner.outputs,
        missing_text=missing_text,
        tolerance=_tolerance(info.tolerance),
        receipt=msgspec.Raw(read_file(bundle, "receipt.json")),
    )


def input_facts(field: Field) -> InputFacts:
    """What the page knows of one input."""
    return InputFacts(
        name=field.name,
        kind=field.kind,
        element=element(field).name if field.kind == "tensor" else "",
        shape=field.shape,
        categories=field.categories or (),
        missing=field.missing,
        unknown=field.unknown,
        impute=None if field.impute is None else imputed(field),
        coerce=field.coerce,
        families=sorted(families(field)) if field.kind == "category" else [],
        expected=RULES[field.kind].expected(field),
        known=known_in_words(field) if field.kind == "category" else "",
    )


def _output(field: Field) -> OutputFacts:
    names = tuple(map(str, field.categories or ())) if field.kind == "tensor" else ()
    return OutputFacts(field.name, field.kind, field.shape, names)


def _feed(given: TensorInput) -> dict[str, object]:
    return {"name": given.name, "fields": given.fields, "dtype": given.dtype}


def _tolerance(tolerance: Tolerance) -> dict[str, float]:
    return {"absolute": tolerance.absolute, "relative": tolerance.relative}
