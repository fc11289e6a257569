"""Whether a package is whole, signed, and answers on this device as where it was packaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairlead.bundle.receipt import decode_receipt, measure
from fairlead.device.model import open_runner
from fairlead.device.package import Package
from fairlead.runners.prove import prove


def check(path: Path) -> Iterator[str]:
    """Check a package, the cheapest first.

    Yields:
        What was found to be right, in words.

    Raises:
        BundleError: it is damaged or forged.
        ReceiptError: the model answers here otherwise than where it was packaged.
    """
    package = Package(path)
    manifest, info = package.manifest, package.info
    yield f"{manifest.version}: signed by {manifest.signer}"
    files = package.check()
    yield f"{files} files of the bundle are as they were signed, bundle {manifest.digest}"
    runner = open_runner(package)
    receipt = decode_receipt(package.read("receipt.json"))
    prove(runner, receipt, info.tolerance)
    proof = measure(receipt.outputs, runner.predict(receipt.inputs), info.tolerance)
    runner.close()
    worst = max(proof.worst.values(), default=0.0)
    yield f"{proof.rows} rows of the receipt are answered the same, within {worst:.3g}"
