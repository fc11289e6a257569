"""What nothing reads goes, and not a bit of an answer moves."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from nets import answers, constants_of, drawn, interface, mlp, model_of, rows, step
from onnx import helper, numpy_helper

from fairlead.compress.strip import Strip
from fairlead.compress.types import Refused


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    before = model.SerializeToString()
    made = Strip().apply(model, step("strip"), {}, seed=0)
    assert model.SerializeToString() == before
    assert isinstance(made, onnx.ModelProto), made
    assert interface(made) == interface(model)
    return made


def test_notes_names_and_what_nothing_reads_go() -> None:
    model = mlp(drawn(6, 30, 3))
    model.doc_string = "made by somebody"
    note = model.graph.node[0].metadata_props.add()
    note.key, note.value = "stack", "a long way" * 20
    model.graph.node.append(helper.make_node("Relu", ["z0"], ["nobody"]))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(50), "unread"))
    model.graph.value_info.append(helper.make_tensor_value_info("z0", 1, ["rows", 30]))
    made = stripped(model)
    raw = made.SerializeToString()
    assert [node.op_type for node in made.graph.node] == ["Gemm", "Relu", "Gemm"]
    for gone in (b"somebody", b"long way", b"unread", b"layer0", b"z0"):
        assert gone not in raw
    feeds = rows(20, 6)
    np.testing.assert_array_equal(answers(made, feeds)[0], answers(model, feeds)[0])


def test_equal_constants_are_kept_once() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["y"]),
    ]
    weights = drawn(6, 6)[0]
    model = model_of(nodes, {"w": weights, "v": weights.copy()})
    made, feeds = stripped(model), rows(20, 6)
    assert len(constants_of(made)) == 1
    np.testing.assert_array_equal(answers(made, feeds)[0], answers(model, feeds)[0])


def test_attributes_that_say_what_holds_anyway_go() -> None:
    nodes = [
        helper.make_node("LeakyRelu", ["x"], ["h"], alpha=0.01),
        helper.make_node("Gemm", ["h", "w"], ["g"], alpha=1.0, beta=1.0, transB=1),
        helper.make_node("Dropout", ["g"], ["y", "mask"]),
    ]
    model = model_of(nodes, {"w": drawn(6, 6)[0]})
    made, feeds = stripped(model), rows(20, 6)
    leaky, gemm, dropout = made.graph.node
    assert [a.name for a in (*leaky.attribute, *gemm.attribute)] == ["transB"]
    assert list(dropout.output) == ["y"]
    np.testing.assert_array_equal(answers(made, feeds)[0], answers(model, feeds)[0])


def test_what_trees_say_of_their_training_goes() -> None:
    tree = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.0, 0.0, 0.0],
        nodes_hitrates=[1.0, 1.0, 1.0], nodes_missing_value_tracks_true=[0, 0, 0],
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], target_treeids=[0, 0],
        target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0],
    )  # fmt: skip
    model = model_of([tree], {})
    made, feeds = stripped(model), rows(20, 6)
    kept = {given.name for given in made.graph.node[0].attribute}
    assert not kept & {"nodes_hitrates", "nodes_missing_value_tracks_true"}
    assert len(kept) == 12
    np.testing.assert_array_equal(answers(made, feeds)[0], answers(model, feeds)[0])


@pytest.mark.parametrize("outer", ["kept", "w"])
def test_names_that_graphs_inside_read_stay(outer: str) -> None:
    branches = [
        helper.make_graph(
            [helper.make_node(op, [outer], [f"{op}_out"])], op, [],
            [helper.make_tensor_value_info(f"{op}_out", 1, None)],
        )
        for op in ("Neg", "Abs")
    ]  # fmt: skip
    nodes = [
        helper.make_node("Identity", ["x"], ["kept"]),
        helper.make_node("If", ["yes"], ["h"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Add", ["kept", "h"], ["y"], name="a name that is long enough to go"),
    ]
    model = model_of(nodes, {"yes": np.array(True), "w": np.ones((1, 6), np.float32)})
    made, feeds = stripped(model), rows(20, 6)
    np.testing.assert_array_equal(answers(made, feeds)[0], answers(model, feeds)[0])


def test_a_graph_that_holds_nothing_else_is_refused() -> None:
    once = stripped(mlp(drawn(6, 30, 3)))
    again = Strip().apply(once, step("strip"), {}, seed=0)
    assert again == Refused("strip", "The graph holds nothing that nothing reads.")
