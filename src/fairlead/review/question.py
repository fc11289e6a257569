"""What a reviewer is asked of each task, and which decisions are answers to it."""

from __future__ import annotations

from math import isfinite
from typing import Literal

import msgspec

from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of
from fairlead.nearest import nearest
from fairlead.review.types import Value
from fairlead.signature import Signature

TEXT_LENGTH_MAX = 10_000
INTEGER_MAX = 2**53
"""Beyond it the log, whose numbers are floats, would keep another one."""
SHOWN_MAX = 20


class Question(msgspec.Struct, frozen=True):
    """What is to be decided.

    Args:
        field: the output that a person says in the model's place; empty where the model has
            several and none is the answer.
        form: `choice` of labels, a `number`, or any `text`.
        choices: of which one is the decision.
    """

    field: str
    form: Literal["choice", "number", "text"]
    choices: tuple[Value, ...] = ()


def question_of(signature: Signature) -> Question:
    """What is asked of the predictions of a model.

    Example:
        >>> from fairlead.signature import Field
        >>> label = Field(name="label", kind="category", categories=("left", "stayed"))
        >>> question_of(Signature(inputs=(), outputs=(label,), task="classification")).choices
        ('left', 'stayed')
    """
    field = answer_of(signature)
    if field is None:
        return Question("", "text")
    if field.categories:
        return Question(field.name, "choice", field.categories)
    if field.kind == "boolean":
        return Question(field.name, "choice", (False, True))
    return Question(field.name, "number" if field.kind in ("number", "integer") else "text")


def text_of(value: Value) -> str:
    """A value as text, such that 1 and 1.0 are the same label, as on the log.

    Example:
        >>> text_of(1.0), text_of(True), text_of("left")
        ('1', 'True', 'left')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def read_value(question: Question, given: object) -> Value:
    """A decision as it is kept, from what a program or a file says.

    A label may be given as its text, as other tools keep all labels.

    Args:
        question: that it answers.
        given: a scalar of JSON.

    Raises:
        ConfigError: it is no answer; the value is not repeated.

    Example:
        >>> read_value(Question("label", "choice", (0, 1)), "1")
        1
    """
    if question.form == "number":
        return _number(given)
    if question.form == "text":
        if not isinstance(given, str) or not given.strip() or len(given) > TEXT_LENGTH_MAX:
            raise ConfigError(
                "The decision is no text.",
                hint=f"Expected a text of at most {TEXT_LENGTH_MAX} characters.",
            )
        return given
    return _choice(question, given)


def _number(given: object) -> Value:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ConfigError("The decision is no number.", hint="Expected a number, as 12.5.")
    if isinstance(given, int) and abs(given) > INTEGER_MAX:
        raise ConfigError(
            "The decision is an integer that is too large to be kept exactly.",
            hint=f"Expected one from -{INTEGER_MAX} to {INTEGER_MAX}; larger ones as 1e20.",
        )
    if not isfinite(given):
        raise ConfigError("The decision is no finite number.", hint="Expected one, as 12.5.")
    return given


def _choice(question: Question, given: object) -> Value:
    for choice in question.choices:
        if choice == given and isinstance(choice, bool) == isinstance(given, bool):
            return choice
    texts = {text_of(choice): choice for choice in question.choices}
    if isinstance(given, str) and given in texts:
        return texts[given]
    close = nearest(given, texts) if isinstance(given, str) else None
    shown = ", ".join(f"'{text}'" for text in [*texts][:SHOWN_MAX])
    more = f" and {len(texts) - SHOWN_MAX} more" if len(texts) > SHOWN_MAX else ""
    meant = f" Did you mean '{close}'?" if close else ""
    raise ConfigError(
        "The decision is none of the labels.", hint=f"Expected one of {shown}{more}.{meant}"
    )
