"""Which builds of ONNX Runtime for phones have the operators of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.export.graph import each_node, name_of

if TYPE_CHECKING:
    import onnx

PACKAGES = ("onnxruntime-android", "onnxruntime-objc", "onnxruntime-c")
"""Of Android and iOS: full builds, which have every operator of the build for Python."""

SINCE = "1.23"
"""The oldest ONNX Runtime that Fairlead itself runs graphs on."""

REDUCED = "onnxruntime-mobile 1.17"
SOURCE = "https://onnxruntime.ai/docs/reference/operators/mobile_package_op_type_support_1.17.html"
"""The newest list that was published of the reduced packages, which ended before 1.19."""

OPSETS = range(12, 16)
ELEMENTS = ("FLOAT", "INT8", "UINT8")
OPERATORS = frozenset(
    {
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "Cast", "Ceil", "Clip",
        "Concat", "ConstantOfShape", "Conv", "ConvTranspose", "Cos", "CumSum",
        "DepthToSpace", "DequantizeLinear", "Div", "DynamicQuantizeLinear", "Elu", "Equal",
        "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherND", "Gemm",
        "GlobalAveragePool", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity", "If",
        "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Less",
        "LessOrEqual", "Log", "LogSoftmax", "Loop", "MatMul", "MatMulInteger", "Max",
        "MaxPool", "Mean", "Min", "Mul", "Neg", "NonMaxSuppression", "NonZero", "Not", "Or",
        "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Range",
        "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
        "Relu", "Reshape", "Resize", "ReverseSequence", "Round", "Scan", "ScatterND",
        "Shape", "Sigmoid", "Sin", "Size", "Slice", "Softmax", "SpaceToDepth", "Split",
        "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK",
        "Transpose", "Unique", "Unsqueeze", "Where",
    }
)  # fmt: skip
MICROSOFT = frozenset(
    {
        "DynamicQuantizeMatMul", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu",
        "MatMulIntegerToFloat", "NhwcMaxPool", "QLinearAdd", "QLinearAveragePool",
        "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMul",
        "QLinearSigmoid",
    }
)  # fmt: skip


class Mobile(msgspec.Struct, frozen=True):
    """Where on phones a graph runs.

    Args:
        packages: full builds, which have its operators.
        since: their oldest version.
        reduced: the reduced build that was compared with.
        source: of the list of its operators.
        outside: what that build has not, in words; it runs the graph if this is empty.
    """

    packages: tuple[str, ...]
    since: str
    reduced: str
    source: str
    outside: tuple[str, ...]


def mobile_of(model: onnx.ModelProto) -> Mobile:
    """Say which builds for phones run a graph whose operators a plain build has."""
    return Mobile(PACKAGES, SINCE, REDUCED, SOURCE, tuple(_outside(model)))


def _outside(model: onnx.ModelProto) -> list[str]:
    found = []
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    if opset not in OPSETS:
        found.append(f"opset {opset}: it has {OPSETS[0]} to {OPSETS[-1]}")
    known = {"": OPERATORS, "ai.onnx": OPERATORS, "com.microsoft": MICROSOFT}
    found += [
        name_of(node) for node in each_node(model) if node.op_type not in known.get(node.domain, ())
    ]
    found += [f"input '{each.name}' of {_element(each)}" for each in model.graph.input
              if _element(each) not in ELEMENTS]  # fmt: skip
    return found


def _element(tensor: onnx.ValueInfoProto) -> str:
    import onnx

    name: str = onnx.TensorProto.DataType.Name(tensor.type.tensor_type.elem_type)
    return name
