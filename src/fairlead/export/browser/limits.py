"""What a page and its runtime cannot do, told before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.bundle import BundleInfo
from fairlead.errors import ExportError
from fairlead.export.browser.runtime import OPSETS
from fairlead.signature import FieldKind

if TYPE_CHECKING:
    import onnx

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


def check_opsets(model: onnx.ModelProto) -> None:
    """Refuse a graph that is newer than the runtime.

    Raises:
        ExportError: it is; says by what.
    """
    for each in model.opset_import:
        domain = each.domain or "ai.onnx"
        if each.version > OPSETS.get(domain, each.version):
            raise ExportError(
                f"The graph is of {domain} {each.version}; the browser's runtime knows it up to "
                f"{OPSETS[domain]}.",
                hint="Export the model with an older opset, and package it again.",
            )
