"""What a model takes and answers: typed fields, how they are inferred, and how rows are checked."""

from fairlead.signature.decode import RowDecoder
from fairlead.signature.parse import UNREADABLE, parse_json
from fairlead.signature.records import from_records
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
    "UNREADABLE",
    "Batch",
    "Column",
    "Field",
    "FieldKind",
    "Numbers",
    "Policy",
    "RowDecoder",
    "Scalar",
    "Signature",
    "Task",
    "concat",
    "from_records",
    "parse_json",
]
