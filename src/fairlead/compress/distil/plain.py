"""A graph in the form in which a student finds its place."""

from __future__ import annotations

import onnx
from onnx import version_converter

from fairlead.compress.distil.apart import name_by_scores
from fairlead.compress.graph import STANDARD, Draft
from fairlead.compress.trees.read import find_sites
from fairlead.compress.trees.write import write_sites
from fairlead.compress.types import Feeds
from fairlead.errors import ExportError

OPSET = 13
"""A student's nodes are of this version or a later one."""


def plain(model: onnx.ModelProto, feeds: Feeds) -> Draft:
    """The graph with its trees written anew, which answer faster, and labels apart from scores.

    Raises:
        ExportError: the graph's version is too old, or a node names classes in a way of its own.
        ModelError: the graph does not take the rows.
    """
    model = _raised(model)
    draft = Draft(model)
    try:
        write_sites(draft, find_sites(draft))
    except ExportError:  # no trees, or such as only their own operator computes
        draft = Draft(model)
    draft.prune_dead()
    name_by_scores(draft, feeds)
    return draft


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    version = max(o.version for o in model.opset_import if o.domain in STANDARD)
    if version >= OPSET:
        return model
    try:
        raised = version_converter.convert_version(model, OPSET)
    except Exception as error:
        raise ExportError(
            f"The graph is of version {version} of ONNX's operators and cannot be raised to "
            f"{OPSET}, which a student needs ({type(error).__name__})."
        ) from None
    del raised.graph.output[:]
    raised.graph.output.extend(model.graph.output)  # with the shapes that were declared
    return raised
