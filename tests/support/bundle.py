"""What a small bundle is made of."""

from __future__ import annotations

from pathlib import Path

from fairlead.bundle import BundleInfo, RunnerSpec
from fairlead.signature import Field, Signature

INFO = BundleInfo(
    name="churn",
    created_us=1,
    framework="scikit-learn",
    signature=Signature(inputs=(Field(name="ü", kind="number"),), outputs=()),
    runner=RunnerSpec(kind="onnx", path="model/model.onnx"),
    metrics={"accuracy": 0.9},
)
FILES: dict[str, bytes | Path] = {"model/model.onnx": b"graph" * 99, "receipt.json": b"{}"}
