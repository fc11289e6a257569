"""How often a good candidate is rolled back, and how soon a bad one is.

    python benchmarks/releases.py [--quick] [--runs N] [--json PATH]

Releases are simulated by `fairlead.releases.simulate`, which lets the controller's own `decide`
go over drawn traffic: 10,000 requests an hour of which 1 % fail. First candidates that are as good
as the stable version, or exactly as bad as a guard allows, looked at a hundred times and more;
then such as must not be proven good; then faults, of a canary with 5 % of the traffic. Of the
latter two, a tenth as many releases go by latency, which costs more to judge.

It ends with the bars, and exits with 1 if one is missed. A chance of 5 % has three standard errors
of room for so many releases.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from support.bars import Bar

from fairlead.releases import Plan, PlanSettings, plan_of
from fairlead.releases.simulate import Outcome, simulate
from fairlead.releases.traffic import NO_FAULT, make_traffic, read_fault

Cases = Iterator[tuple[str, dict[str, float]]]
HUNDRED_LOOKS = ["5% for 100m", "100%"]
ALPHA = 0.05
KINDS = ("failures", "latency_p95", "latency_p99")
FAULTS = {
    "failures": ("2x", "3x", "5x", "10%"),
    "latency_p95": ("+60%", "2x", "3x"),
    "latency_p99": ("2x", "3x"),
}
CAUSES = {"failures": "error_rate", "latency_p95": "latency", "latency_p99": "latency"}
MARGINS = {"failures": "1.25", "latency_p95": "1.5", "latency_p99": "1.5"}
HEADS = {
    "good": "As good as the stable version, or as bad as allowed; rolled back:",
    "unproven": "Exactly as bad as allowed; promoted, where proof is asked for:",
    "bad": "With a fault, 5 % of the traffic:",
}


def main() -> None:
    given = _arguments()
    runs = given.runs or (1_000 if given.quick else 10_000)
    numbers: dict[str, Any] = {"runs": runs}
    parts = {"good": _good(runs), "unproven": _unproven(runs), "bad": _bad(runs)}
    for part, cases in parts.items():
        print(HEADS[part])
        for name, line in cases:
            numbers.setdefault(part, {})[name] = line
            print(f"  {name:46}", *(f"{key} {value:g}" for key, value in line.items()), flush=True)
    numbers["cpu_s"] = time.process_time()
    print(f"{numbers['cpu_s']:.0f} CPU seconds")
    reached = list(_bars(numbers))
    print(*reached, sep="\n")
    numbers["bars"] = {bar.name: bar.reached for bar in reached}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))
    sys.exit(not all(bar.reached for bar in reached))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 releases of each kind")
    parser.add_argument("--runs", type=int, help="releases of each kind")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args()


def _plan(guard: str, most: str, **more: Any) -> Plan:
    told = {"steps": HUNDRED_LOOKS, "guard": {guard: f"ratio <= {most}"}} | more
    return plan_of(PlanSettings(**told))


def _run(plan: Plan, fault: str, runs: int, per_h: float = 10_000.0) -> Outcome:
    told = read_fault(fault) if fault else NO_FAULT
    return simulate(plan, make_traffic(per_h), told, runs=runs, seed=5)


def _good(runs: int) -> Cases:
    def back(plan: Plan, fault: str = "", per_h: float = 10_000.0) -> dict[str, float]:
        outcome = _run(plan, fault, runs, per_h)
        return {"releases": runs, "rolled_back": outcome.share("rolled back").value}

    yield "the canary there is without a plan", back(plan_of(PlanSettings()))
    for kind in KINDS:
        yield f"{kind} <= {MARGINS[kind]}", back(_plan(kind, MARGINS[kind]))
        yield f"{kind} <= 1", back(_plan(kind, "1"))
        fault = f"{CAUSES[kind]}={MARGINS[kind]}x"
        yield f"{kind} <= {MARGINS[kind]}, {fault}", back(_plan(kind, MARGINS[kind]), fault)
    blue_green = _plan("failures", "1", strategy="blue-green", steps=None, bake="1d")
    for per_h in (500.0, 5_000.0):
        name = f"blue-green for a day, {per_h:g} an hour, failures <= 1"
        yield name, back(blue_green, per_h=per_h)


def _unproven(runs: int) -> Cases:
    for kind in KINDS:
        plan = _plan(kind, MARGINS[kind], prove=[kind], longest="1d")
        fault = f"{CAUSES[kind]}={MARGINS[kind]}x"
        many = _many(kind, runs)
        promoted = _run(plan, fault, many).share("done").value
        yield f"{kind} <= {MARGINS[kind]}, {fault}", {"releases": many, "promoted": promoted}


def _bad(runs: int) -> Cases:
    for kind in KINDS:
        plan = _plan(kind, MARGINS[kind], steps=["5% for 12h", "100%"])
        for fault in FAULTS[kind]:
            outcome = _run(plan, f"{CAUSES[kind]}={fault}", _many(kind, runs))
            caught = outcome.of("rolled back")
            line = {"releases": caught.size, "caught": float(caught.mean())}
            if caught.any():
                line["requests"] = float(np.median(outcome.requests[caught]))
                line["requests_p95"] = float(np.quantile(outcome.requests[caught], 0.95))
                line["minutes"] = float(np.median(outcome.took_s[caught])) / 60.0
            yield f"{kind} <= {MARGINS[kind]}, {CAUSES[kind]}={fault}", line


def _many(kind: str, runs: int) -> int:
    return runs if kind == "failures" else max(1, runs // 10)


def _bars(numbers: dict[str, Any]) -> Iterator[Bar]:
    for part, key in (("good", "rolled_back"), ("unproven", "promoted")):
        for name, line in numbers[part].items():
            bound = ALPHA + 3.0 * sqrt(ALPHA * (1.0 - ALPHA) / line["releases"])
            shown = f"{name}: % {key.replace('_', ' ')}"
            yield Bar(shown, 100.0 * line[key], round(100.0 * bound, 2), most=True)
    three = numbers["bad"]["failures <= 1.25, error_rate=3x"]
    yield Bar("three times the failures: % caught", 100.0 * three["caught"], 95.0)
    yield Bar("requests to the candidate until then", three["requests"], 500.0, most=True)


if __name__ == "__main__":
    main()
