"""A small version for a device, and an environment that has what a device has."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fairlead.bundle import (
    Bundle,
    BundleInfo,
    KeyRing,
    Receipt,
    RunnerSpec,
    TensorInput,
    TensorOutput,
    encode_receipt,
    write_bundle,
)
from fairlead.export.device import NEEDS
from fairlead.profiles import REFERENCE, encode, make_reference
from fairlead.signature import Batch, Field, Signature
from support.waiting import PATIENCE_S

SIGNATURE = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="plan", kind="category", categories=("free", "pro"), nullable=True,
              missing="allow"),
    ),
    outputs=(Field(name="prediction", kind="number"),),
    task="regression",
)  # fmt: skip
SPEC = RunnerSpec(
    kind="onnx",
    path="model.onnx",
    inputs=(TensorInput(name="ages", fields=("age",)),),
    outputs=(TensorOutput(name="doubled", field="prediction"),),
)


def doubling() -> bytes:
    """A graph that answers twice the age."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["ages", "ages"], ["doubled"])],
        "doubling",
        [helper.make_tensor_value_info("ages", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("doubled", TensorProto.DOUBLE, [None, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    raw: bytes = onnx.ModelProto.SerializeToString(model)
    return raw


def rows_of(ages: Sequence[float]) -> Batch:
    """Rows of these ages, every other one of a plan."""
    plans = np.array([("free", "pro", None)[place % 3] for place in range(len(ages))], dtype=object)
    return Batch(len(ages), ("age",), np.array(ages, dtype=np.float64)[:, None], {"plan": plans})


def answers_of(rows: Batch) -> Batch:
    """What the graph answers to them."""
    return Batch(rows.rows, ("prediction",), rows.numbers * 2, {})


def small_bundle(folder: Path, spec: RunnerSpec = SPEC) -> Bundle:
    """A signed bundle of that graph."""
    seen = rows_of(np.linspace(18, 90, 60).tolist())
    files: dict[str, bytes | Path] = {
        "model.onnx": doubling(),
        "receipt.json": encode_receipt(Receipt(seen, answers_of(seen))),
        REFERENCE: encode(make_reference(SIGNATURE, seen, answers_of(seen))),
    }
    info = BundleInfo(name="ages", created_us=1, framework="onnx", signature=SIGNATURE, runner=spec)
    return write_bundle(folder / "bundle", info, files, KeyRing(folder / "keys"))


def bare_environment(folder: Path) -> dict[str, str]:
    """An environment in which Python finds the packages of a device, and no others.

    Args:
        folder: of links to them, which is filled; for `python -S`, which looks nowhere else.
    """
    for top, path in _installed():
        link = folder / top
        if not link.exists():
            link.symlink_to(path)
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _installed() -> list[tuple[str, Path]]:
    """What the packages of a device, and those they require, bring to the top of a folder."""
    found: dict[str, Path] = {}
    waiting, seen = list(NEEDS), set[str]()
    while waiting:
        name = re.split(r"[ <>=!~;\[(]", waiting.pop())[0].lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in distribution.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__"):
                found[top] = Path(str(distribution.locate_file(top)))
        waiting += [each for each in distribution.requires or () if "extra ==" not in each]
    return sorted(found.items())


def run_package(
    package: Path, *arguments: str, environment: dict[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a package as on a device."""
    return subprocess.run(
        [sys.executable, "-S", str(package), *arguments],
        env=environment, input=given, capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip
