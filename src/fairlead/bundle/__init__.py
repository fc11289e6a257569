"""Model bundles: a directory of data, digests and a signature."""

from fairlead.bundle.archive import pack, unpack
from fairlead.bundle.cache import BundleCache
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
)
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
    "encode_receipt",
    "measure",
    "open_bundle",
    "pack",
    "read_file",
    "unpack",
    "write_bundle",
]
