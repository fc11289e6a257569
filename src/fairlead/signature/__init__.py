"""What a model takes and answers: typed fields, how they are inferred, and how rows are checked."""

from fairlead.signature.check import fits
from fairlead.signature.decode import RowDecoder
from fairlead.signature.edit import check_field, with_field
from fairlead.signature.encode import RowEncoder
from fairlead.signature.frame import from_frame, to_columns, to_records
from fairlead.signature.infer import infer_inputs
from fairlead.signature.parse import UNREADABLE, parse_json
from fairlead.signature.records import from_records
from fairlead.signature.schema import answer_schema, row_schema
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
    "RowEncoder",
    "Scalar",
    "Signature",
    "Task",
    "answer_schema",
    "check_field",
    "concat",
    "fits",
    "from_frame",
    "from_records",
    "infer_inputs",
    "parse_json",
    "row_schema",
    "to_columns",
    "to_records",
    "with_field",
]
