"""What a model takes and answers: typed fields, how they are inferred, and how rows are checked."""

from fairlead.signature.arrays import ArrayReader
from fairlead.signature.check import fits
from fairlead.signature.decode import RowDecoder
from fairlead.signature.decode_columns import ColumnDecoder, from_columns
from fairlead.signature.edit import check_field, with_field
from fairlead.signature.encode import RowEncoder, name_beside
from fairlead.signature.frame import from_frame, to_columns, to_records
from fairlead.signature.infer import infer_inputs
from fairlead.signature.parse import UNREADABLE, parse_json
from fairlead.signature.read import element, families, fits_shape
from fairlead.signature.records import from_records
from fairlead.signature.schema import answer_schema, row_schema
from fairlead.signature.sift import Sifted, sift
from fairlead.signature.texts import read_texts, text_reader
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
    "ArrayReader",
    "Batch",
    "Column",
    "ColumnDecoder",
    "Field",
    "FieldKind",
    "Numbers",
    "Policy",
    "RowDecoder",
    "RowEncoder",
    "Scalar",
    "Sifted",
    "Signature",
    "Task",
    "answer_schema",
    "check_field",
    "concat",
    "element",
    "families",
    "fits",
    "fits_shape",
    "from_columns",
    "from_frame",
    "from_records",
    "infer_inputs",
    "name_beside",
    "parse_json",
    "read_texts",
    "row_schema",
    "sift",
    "text_reader",
    "to_columns",
    "to_records",
    "with_field",
]
