"""The answer by which versions are compared: with one another, with people and with labels."""

from __future__ import annotations

from fairlead.monitoring.measure import ANSWERS
from fairlead.signature import Field, Signature


def answer_of(signature: Signature) -> Field | None:
    """The output that is compared: the task's own, or the only one of one value a row.

    Of several of which none is the task's own nobody knows which is meant: then it is None.

    Example:
        >>> outputs = tuple(Field(name=name, kind="number") for name in ("price", "prediction"))
        >>> answer_of(Signature(inputs=(), outputs=outputs, task="regression")).name
        'prediction'
        >>> answer_of(Signature(inputs=(), outputs=outputs)) is None
        True
    """
    single = [field for field in signature.outputs if field.kind != "tensor"]
    named = [field for field in single if field.name == ANSWERS.get(signature.task)]
    found = named or single
    return found[0] if len(found) == 1 else None


def is_number(signature: Signature) -> bool:
    """Whether answers are numbers, whose differences mean something."""
    field = answer_of(signature)
    numeric = field is not None and field.kind in ("number", "integer")
    return numeric and signature.task != "classification"
