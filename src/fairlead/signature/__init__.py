"""What a model takes and answers: typed fields, how they are inferred, and how rows are checked."""

from fairlead.signature.types import (
    NUMERIC,
    Batch,
    Column,
    Field,
    FieldKind,
    Numbers,
    Policy,
    Scalar,
    Signature,
    Task,
    concat,
)

__all__ = [
    "NUMERIC",
    "Batch",
    "Column",
    "Field",
    "FieldKind",
    "Numbers",
    "Policy",
    "Scalar",
    "Signature",
    "Task",
    "concat",
]
