"""Text in a graph, for runtimes in which a NUL ends a text: in browsers, and on phones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairlead.bundle.types import MISSING_TEXT
from fairlead.errors import ExportError
from fairlead.export.graph import each_graph, each_node, name_of

if TYPE_CHECKING:
    import onnx

NUL = b"\0"


def without_nul(model: onnx.ModelProto) -> str:
    """Change a graph, in place, into one that answers alike and has no text with a NUL.

    Returns:
        The text that stands for a missing one in it from now on.

    Raises:
        ExportError: it has such text of its own; says where.
    """
    holders = list(_texts(model))
    missing = _stand_in({text for _, texts in holders for text in texts})
    for where, texts in holders:
        for place, text in enumerate(texts):
            if text == MISSING_TEXT.encode():
                texts[place] = missing.encode()
            elif NUL in text:
                raise ExportError(f"{where} holds text with a NUL, which ends a text there.")
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
