"""Where a student can stand in a graph: between two tensors that all answers depend on."""

from __future__ import annotations

from fairlead.compress.graph import Draft, reads


def bottlenecks(draft: Draft) -> tuple[str, ...]:
    """The tensors that every way from the inputs to the outputs leads through, in order.

    After a node, one tensor alone is still to be read: whatever follows depends on it alone.
    """
    given = [value.name for value in draft.graph.input if draft.constant(value.name) is None]
    nodes = draft.nodes
    last: dict[str, int] = {}
    for place, node in enumerate(nodes):
        last.update(dict.fromkeys(reads(node), place))
    last.update(dict.fromkeys(draft.outputs, len(nodes)))
    live = {name for name in given if name in last}
    known = set(live)
    found = list(live) if len(live) == 1 else []
    for place, node in enumerate(nodes):
        if not known & reads(node):
            continue
        made = {name for name in node.output if name in last}
        known |= made
        live = {name for name in live if last[name] > place} | made
        if len(live) == 1 and made == live:
            found += live
    return tuple(found)
