"""Building an ONNX graph node by node: everything in double precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ExportError

OPSET = 21
OPSET_ML = 5  # the first with TreeEnsemble, whose splits and weights can be doubles
IR_VERSION = 10
ML = "ai.onnx.ml"
MICROSOFT = "com.microsoft"
"""Operators that every build of ONNX Runtime has, and the standard lacks."""

Array = npt.NDArray[Any]


class Graph:
    """An ONNX graph under construction.

    Tensors are known by name. Methods that add a node return the name of its output.

    Args:
        within: the graph that it is a part of, which has other names.
    """

    def __init__(self, within: Graph | None = None) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.widths: dict[str, int] = {}
        self.domains: set[str] = set() if within is None else within.domains
        self._numbers: Iterator[int] = count(1) if within is None else within._numbers

    def name(self, stem: str) -> str:
        """A name that nothing else in the graph has."""
        return f"{stem}_{next(self._numbers)}"

    def input(self, name: str, dtype: str, shape: Sequence[int | None]) -> str:
        """Declare an input of the graph; `dtype` as NumPy names it, `object` for strings."""
        from onnx import helper

        self.inputs.append(helper.make_tensor_value_info(name, _element(dtype), shape))
        return name

    def output(self, tensor: str, name: str, dtype: str, shape: Sequence[int | None]) -> None:
        """Declare a tensor to be an output of the graph, under a name of its own."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, _element(dtype), shape))

    def constant(self, values: Array) -> str:
        """Add a constant; object arrays become strings."""
        from onnx import helper, numpy_helper

        name = self.name("constant")
        if values.dtype.kind in "OU":
            raw = [str(text).encode() for text in values.ravel()]
            tensor = helper.make_tensor(name, _element("object"), values.shape, raw)
        else:
            tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
        self.constants.append(tensor)
        return name

    def add(self, op: str, *inputs: str | Array | float, domain: str = "", **settings: Any) -> str:
        """Add a node of one output.

        Args:
            op: the operator.
            inputs: names of tensors; arrays and floats become constants (floats as doubles).
            domain: of the operator.
            settings: attributes; arrays become tensors.
        """
        return self.add_many(op, inputs, 1, domain, settings)[0]

    def add_many(
        self,
        op: str,
        inputs: Sequence[str | Array | float],
        outputs: int,
        domain: str,
        settings: dict[str, Any],
    ) -> list[str]:
        """Add a node of several outputs."""
        from onnx import helper, numpy_helper

        names = [value if isinstance(value, str) else self._literal(value) for value in inputs]
        made = [self.name(op) for _ in range(outputs)]
        plain = {k: v for k, v in settings.items() if not isinstance(v, np.ndarray)}
        node = helper.make_node(op, names, made, domain=domain, **plain)
        for key, value in settings.items():
            if isinstance(value, np.ndarray):
                node.attribute.append(helper.make_attribute(key, numpy_helper.from_array(value)))
        self.nodes.append(node)
        self.domains.add(domain)
        return made

    def cast(self, tensor: str, dtype: str) -> str:
        """Cast to a type as NumPy names it."""
        return self.add("Cast", tensor, to=_element(dtype))

    def columns(self, matrix: str, places: Sequence[int]) -> str:
        """Some columns of a matrix, in that order."""
        return self.add("Gather", matrix, np.array(places, dtype=np.int64), axis=1)

    def reduce(self, op: str, tensor: str, axis: int = 1, *, keep: bool = True) -> str:
        """`ReduceSum`, `ReduceMax` and their like along an axis."""
        return self.add(op, tensor, np.array([axis]), keepdims=int(keep))

    def argmax(self, matrix: str) -> str:
        """The place of the first of each row's greatest values, (rows,) int64."""
        return self.add("ArgMax", matrix, axis=1, keepdims=0)

    def flat(self, matrix: str) -> str:
        """(rows, 1) as (rows,)."""
        return self.add("Reshape", matrix, np.array([-1]))

    def column(self, tensor: str) -> str:
        """(rows,) as (rows, 1)."""
        return self.add("Reshape", tensor, np.array([-1, 1]))

    def join(self, tensors: Sequence[str]) -> str:
        """Matrices side by side."""
        return tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=1)

    def binary(self, op: str, left: str, right: str | Array | float) -> str:
        """A comparison as doubles 0 and 1."""
        return self.cast(self.add(op, left, right), "float64")

    def body(self) -> Any:
        """The graph as what a node of another does again and again."""
        from onnx import helper

        return helper.make_graph(self.nodes, "body", self.inputs, self.outputs, self.constants)

    def model(self) -> bytes:
        """The finished model, checked.

        Raises:
            ExportError: the checker refuses it.
        """
        import onnx
        from onnx import helper

        graph = helper.make_graph(self.nodes, "fairlead", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, OPSET_ML)]
        if MICROSOFT in self.domains:
            opsets.append(helper.make_opsetid(MICROSOFT, 1))
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fairlead"
        )
        try:
            onnx.checker.check_model(model)
        except (onnx.checker.ValidationError, ValueError) as error:
            raise ExportError(f"The graph is not valid ONNX: {str(error)[:200]}") from None
        raw: bytes = model.SerializeToString()
        return raw

    def _literal(self, value: Array | float) -> str:
        return self.constant(np.asarray(value))


def _element(dtype: str) -> int:
    from onnx import TensorProto, helper

    if dtype in ("object", "str"):
        return int(TensorProto.STRING)
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
