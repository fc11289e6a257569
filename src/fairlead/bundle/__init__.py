"""Model bundles: a directory of data, digests and a signature.

What writes bundles, or fetches them, is imported when it is first used: who only reads one, as a
device does, has no memory for it.
"""

import importlib
from typing import TYPE_CHECKING

from fairlead.bundle.keys import KeyRing
from fairlead.bundle.read import open_bundle, read_file
from fairlead.bundle.receipt import Receipt, compare, decode_receipt, encode_receipt, measure
from fairlead.bundle.types import (
    Bundle,
    BundleInfo,
    CodeFacts,
    Compression,
    DataFacts,
    Ends,
    Learned,
    Learnt,
    Mode,
    Proof,
    RowRange,
    RunnerKind,
    RunnerSpec,
    Step,
    TensorInput,
    TensorOutput,
    Tolerance,
    Trainable,
    UpdateFacts,
    described,
    described_gains,
)

if TYPE_CHECKING:
    from fairlead.bundle.archive import pack, unpack
    from fairlead.bundle.cache import BundleCache
    from fairlead.bundle.write import write_bundle

__all__ = [
    "Bundle",
    "BundleCache",
    "BundleInfo",
    "CodeFacts",
    "Compression",
    "DataFacts",
    "Ends",
    "KeyRing",
    "Learned",
    "Learnt",
    "Mode",
    "Proof",
    "Receipt",
    "RowRange",
    "RunnerKind",
    "RunnerSpec",
    "Step",
    "TensorInput",
    "TensorOutput",
    "Tolerance",
    "Trainable",
    "UpdateFacts",
    "compare",
    "decode_receipt",
    "described",
    "described_gains",
    "encode_receipt",
    "measure",
    "open_bundle",
    "pack",
    "read_file",
    "unpack",
    "write_bundle",
]

_HOMES = {"BundleCache": "cache", "pack": "archive", "unpack": "archive", "write_bundle": "write"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fairlead.bundle' has no attribute '{name}'")
    return getattr(importlib.import_module(f"fairlead.bundle.{_HOMES[name]}"), name)
