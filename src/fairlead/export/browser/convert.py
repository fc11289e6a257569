"""A graph as the browser's runtime runs it to the same answers, or why it cannot.

The runtime runs our exact trees in double precision. What it has not is text with NUL in it, which
ends a string there: the text that stands for missing ones becomes another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairlead.bundle import BundleInfo
from fairlead.bundle.types import MISSING_TEXT
from fairlead.errors import ExportError
from fairlead.export.graph import check_domains, each_graph, each_node, name_of
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
NUL = b"\0"


def check_fields(info: BundleInfo) -> None:
    """Refuse fields that the page cannot ask for or feed.

    Raises:
        ExportError: there is one; names it.
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


def convert(model: onnx.ModelProto) -> str:
    """Change a graph, in place, into one that answers alike in a browser.

    Returns:
        The text that stands for a missing one in it.

    Raises:
        ExportError: it has operators or text that a browser's runtime has not; names the node.
    """
    check_domains(model)
    holders = list(_texts(model))
    known = {text for _, texts in holders for text in texts}
    missing = _stand_in(known)
    for where, texts in holders:
        for place, text in enumerate(texts):
            if text == MISSING_TEXT.encode():
                texts[place] = missing.encode()
            elif NUL in text:
                raise ExportError(
                    f"{where} holds text with a NUL, which ends a text in the browser's runtime."
                )
    return missing


def _texts(model: onnx.ModelProto) -> Iterator[tuple[str, list[bytes]]]:
    """Every list of texts in a model, to be changed in place, and where it is."""
    for graph in each_graph(model.graph):
        for tensor in graph.initializer:
            yield f"The constant '{tensor.name}'", tensor.string_data
    for node in each_node(model):
        for attribute in node.attribute:
            yield f"The node {name_of(node)}", attribute.strings
            yield f"The node {name_of(node)}", attribute.t.string_data


def _stand_in(known: set[bytes]) -> str:
    """A text that nobody types, and that is none of those in the graph; the same for the same."""
    digest = hashlib.sha256(NUL.join(sorted(known))).hexdigest()[:16]
    return f"\ue000missing-{digest}"
