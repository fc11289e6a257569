"""Batch jobs on Ray beside others: what is run, and how they compare."""

from __future__ import annotations

import importlib.util
from pathlib import Path

OURS, BY_HAND = "fairlead, on Ray", "Ray Data by hand"
RIVAL = Path(__file__).parents[1] / "rivals" / "ray_data.py"


def ray_commands(batch: list[str], folder: Path, out: Path) -> dict[str, list[str]]:
    """Our job on a Ray of its own, and a pipeline by hand; nothing where Ray is not installed.

    Args:
        batch: the arguments of our job.
        folder: of the model and the rows.
        out: where answers go.
    """
    if importlib.util.find_spec("ray") is None:
        print("Ray is not installed: without it here. pip install 'fairlead[ray]'")
        return {}
    by_hand = [str(RIVAL), str(folder / "model.onnx"), str(folder / "in"), str(out)]
    return {OURS: [*batch, "--engine", "ray"], BY_HAND: by_hand}


def without_cpu(found: dict[str, dict[str, float]]) -> None:
    """Drop CPU seconds that are not known: Ray's processes are nobody's children."""
    for name in (OURS, BY_HAND):
        for what in ("cpu_s", "cpu_us_per_row"):
            found.get(name, {}).pop(what, None)


def ray_ratios(found: dict[str, dict[str, float]]) -> list[str]:
    """How the throughput of ours compares, the start of Ray included."""
    if BY_HAND not in found:
        return []
    by_hand = found[BY_HAND]["rows_per_s"]
    return [
        f"{name + ': times ' + BY_HAND:62}{found[name]['rows_per_s'] / by_hand:9.2f}"
        for name in ("fairlead batch", OURS)
    ]
