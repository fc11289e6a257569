"""Which tensor each field of a signature is, as metadata tells it."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.serving.protocols.oip.types import BYTES, DATATYPES, Datatype, datatype_of
from fairlead.signature import Field, Scalar, element, families


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What is known of a tensor before there is one.

    Args:
        name: of the field.
        datatype: of its elements.
        shape: -1 where it may vary; the first dimension is the rows.
        classes: the names along the last axis, if it has some.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    classes: tuple[Scalar, ...] = ()


def spec_of(field: Field) -> TensorSpec:
    """The tensor of a field.

    Numbers have their own datatype, half precision apart, for which JSON has no form. Text,
    categories of text, pictures, sound and times (ISO 8601) are BYTES.

    Example:
        >>> spec_of(Field(name="age", kind="integer", dtype="int8")).datatype.name
        'INT8'
        >>> spec_of(Field(name="x", kind="tensor", dtype="float32", shape=(3, -1))).shape
        (-1, 3, -1)
    """
    classes = (field.categories or ()) if field.kind == "tensor" else ()
    return TensorSpec(field.name, _datatype(field), (-1, *field.shape), classes)


def _datatype(field: Field) -> Datatype:
    match field.kind:
        case "number":
            return _whole_precision(field.dtype, "FP64")
        case "integer":
            return _whole_precision(field.dtype, "INT64")
        case "boolean":
            return DATATYPES["BOOL"]
        case "tensor":
            return _whole_precision(element(field).name, "BYTES")
        case "category":
            return _of_category(field)
    return BYTES


def _of_category(field: Field) -> Datatype:
    kinds = families(field)
    if kinds == {"a boolean"}:
        return DATATYPES["BOOL"]
    if kinds != {"a number"}:
        return BYTES
    whole = all(float(value).is_integer() for value in field.categories or ())
    return DATATYPES["INT64" if whole and not field.dtype.startswith("float") else "FP64"]


def _whole_precision(dtype: str, otherwise: str) -> Datatype:
    found = datatype_of(dtype)
    if found is BYTES:
        return DATATYPES[otherwise]
    return found if found.in_json else DATATYPES["FP32"]
