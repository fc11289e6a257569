"""Which fields a page can ask for, and which tensors it can feed."""

from __future__ import annotations

from fairlead.bundle import BundleInfo
from fairlead.errors import ExportError
from fairlead.signature import FieldKind

KINDS: frozenset[FieldKind] = frozenset(
    {"number", "integer", "boolean", "category", "text", "tensor"}
)
DTYPES = frozenset(
    {"float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16",
     "uint8", "bool", "object"}
)  # fmt: skip


def check_fields(info: BundleInfo) -> None:
    """Refuse what a page cannot ask for, feed or show.

    Raises:
        ExportError: there is such a field or input; names it.
    """
    for field in (*info.signature.inputs, *info.signature.outputs):
        if field.kind not in KINDS:
            raise ExportError(f"The field '{field.name}' is a {field.kind}, which no page has.")
    for given in info.runner.inputs:
        if given.dtype not in DTYPES:
            raise ExportError(
                f"The graph's input '{given.name}' is of {given.dtype}, which the browser's "
                "runtime does not take."
            )
