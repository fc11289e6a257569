"""What is to be reached, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Found = dict[str, dict[str, Any]]
"""Of each subject, what was measured at each point."""

ASYNC, SKLEARN = "FastAPI async, onnxruntime", "scikit-learn"
NAMED, TENSOR = "fairlead, named rows", "fairlead, v2 tensor"
FLOOR = "floor: empty reply"


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure beside its bound.

    Args:
        name: of it.
        measured: the figure.
        bound: to be reached.
        most: whether the figure must not be above the bound, rather than not below.
    """

    name: str
    measured: float
    bound: float
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether it is reached."""
        return self.measured <= self.bound if self.most else self.measured >= self.bound

    def __str__(self) -> str:
        side, verdict = "<=" if self.most else ">=", "reached" if self.reached else "MISSED"
        return f"{self.name:62}{self.measured:9.2f}  {side} {self.bound:<7g}{verdict}"


def bars(found: Found) -> list[Bar]:
    """All bars, of CPU time at 64 connections where nothing else is said."""
    ours = _cpu_us(found, NAMED)
    alone = found["model alone"]
    floor = _cpu_us(found, FLOOR) + alone["model, 64 rows"] / 64
    bulk = alone["decode and model, 64 rows"]
    best_sklearn = min(_cpu_us(found, name) for name in found if name.endswith(SKLEARN))
    reached = [
        Bar(f"times {ASYNC}", _cpu_us(found, ASYNC) / ours, 7.0),
        Bar("times the better FastAPI, scikit-learn", best_sklearn / ours, 50.0),
        Bar("of floor and bare model, named rows", ours / floor, 3.3, most=True),
        Bar("of floor and bare model, v2 tensor", _cpu_us(found, TENSOR) / floor, 3.3, most=True),
        Bar("p50 at one connection, ms", found[NAMED]["1 x 1"]["p50_ms"], 0.3, most=True),
        Bar(
            "64 rows: of decoding and model", _cpu_us(found, NAMED, "16 x 64") / bulk, 2, most=True
        ),
        Bar(
            "a second worker: of one, at 64 connections each",
            _cpu_us(found, "fairlead, two workers", "128 x 1") / ours,
            1.1,
            most=True,
        ),
    ]
    peers = [_cpu_us(found, name) for name in found if name.startswith("peer: ")]
    if peers:
        reached.append(Bar("times the best peer", min(peers) / ours, 12.0))
    return reached + _crowds(found[NAMED])


def _crowds(points: dict[str, Any]) -> list[Bar]:
    """Under overload: what is answered, and that nothing is answered too late."""
    peak = max(p["good_per_s"] for name, p in points.items() if name.endswith(" x 1"))
    found = []
    for name, point in points.items():
        if point["timeout_ms"]:
            late_ms = (point["max_ms"] or 0.0) / point["timeout_ms"]
            found.append(Bar(f"{name}: goodput, of the peak", point["good_per_s"] / peak, 0.8))
            found.append(Bar(f"{name}: latest answer, of its deadline", late_ms, 1.0, most=True))
    return found


def _cpu_us(found: Found, name: str, point: str = "64 x 1") -> float:
    cpu_us: float = found[name][point]["cpu_us"]
    return cpu_us
