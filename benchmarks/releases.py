"""How often a good candidate is rolled back, and how soon a bad one is.

    python benchmarks/releases.py [--quick] [--runs N] [--json PATH]

Releases are simulated by `fairlead.releases.simulation`, which lets the controller's own `decide`
go over drawn traffic: 10,000 requests an hour of which 1 % fail. First candidates that are as good
as the stable version, or exactly as bad as a guard allows, looked at a hundred times and more;
then such as must not be proven good; then faults, of a canary with 5 % of the traffic. Of the
latter two, a tenth as many releases go by latency, which costs more to judge. Then come outcomes,
experiments and guards of labels, amounts and ratios, and last what shadows answer, both looked at a
hundred times.

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
from support.looks import Case, reached
from support.shadows import differing, disagreeing

from fairlead.releases import Plan, PlanSettings, plan_of
from fairlead.releases.outcomes.metrics import Metric
from fairlead.releases.simulation.simulate import Outcome, simulate
from fairlead.releases.simulation.traffic import NO_FAULT, make_traffic, read_fault

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
    "alike": "Outcomes of a hundred looks, both versions alike or at the bound; found by mistake:",
    "shadows": "Shadows of a hundred looks, exactly as far apart as allowed; found by mistake:",
    "moved": "Outcomes of a hundred looks, one version better or worse; found:",
}


def _labels(random: np.random.Generator, shape: tuple[int, int], more: float) -> Any:
    """Of ten labels nine are met."""
    return (random.random(shape) < 0.9 * more).astype(np.float64), np.ones(shape)


def _amounts(random: np.random.Generator, shape: tuple[int, int], more: float) -> Any:
    """Lognormal, with a standard deviation of 1.3 times the mean."""
    return more * random.lognormal(0.0, 1.0, shape), np.ones(shape)


def _sales(random: np.random.Generator, shape: tuple[int, int], more: float) -> Any:
    """One of ten buys something; what that is worth is lognormal."""
    return (random.random(shape) < 0.1) * _amounts(random, shape, more)[0], np.ones(shape)


def _clicks(random: np.random.Generator, shape: tuple[int, int], more: float) -> Any:
    """Of a unit's views, three on average, as many lead to a click as it likes: a fifth or so."""
    views = random.geometric(1 / 3, shape)
    liking = np.minimum(random.beta(1.0, 4.0, shape) * more, 1.0)
    return random.binomial(views, liking).astype(np.float64), views.astype(np.float64)


KINDS_LATE = {
    "accuracy": (Metric("accuracy"), _labels),
    "mean:amount": (Metric("mean", "amount"), _amounts),
    "mean:sales": (Metric("mean", "sales"), _sales),
    "ratio:clicks/views": (Metric("ratio", "clicks", "views"), _clicks),
}
SPLITS = {"50%": (200, 0.5), "5%": (400, 0.05)}


def main() -> None:
    given = _arguments()
    runs = given.runs or (1_000 if given.quick else 10_000)
    numbers: dict[str, Any] = {"runs": runs}
    parts = {
        "good": _good(runs), "unproven": _unproven(runs), "bad": _bad(runs),
        "alike": _alike(runs), "shadows": _shadows(runs), "moved": _moved(runs),
    }  # fmt: skip
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


def _late(metric: str, split: str) -> Case:
    units, share = SPLITS[split]
    return Case(*KINDS_LATE[metric], units, share)


def _alike(runs: int) -> Cases:
    for metric in KINDS_LATE:
        for split in SPLITS:
            goal = plan_of(PlanSettings(strategy="ab", goal=metric, split=split, guard={}))
            found = reached(_late(metric, split), goal, 1.0, runs, 5)
            line = {f: float(np.isfinite(at).mean()) for f, at in found.items()}
            yield f"ab by {metric}, {split}", {"releases": runs} | line
            for text, more in (("ratio >= 1", 1.0), ("ratio >= 0.9", 0.9)):
                guard = plan_of(PlanSettings(guard={metric: text}))
                found = reached(_late(metric, split), guard, more, runs, 6)
                line = {f: float(np.isfinite(at).mean()) for f, at in found.items()}
                yield f"{metric} {text}, {split}, {more:g}x", {"releases": runs} | line


def _shadows(runs: int) -> Cases:
    for most in (0.01, 0.05, 0.2):
        found = disagreeing(most, most, runs, ALPHA)
        yield f"disagreement <= {most:g}", {"releases": runs} | found
    yield "difference <= 1", {"releases": runs} | differing(1.0, 1.0, runs, ALPHA)


def _moved(runs: int) -> Cases:
    few = max(1, runs // 10)
    for metric in KINDS_LATE:
        for split in SPLITS:
            for text, more, name in (
                ("ratio >= 0.95", 0.8, "worse"), ("ratio >= 0.9", 1.0, "kept"),
            ):  # fmt: skip
                guard = plan_of(PlanSettings(guard={metric: text}))
                at = reached(_late(metric, split), guard, more, few, 7)[name]
                case = f"{metric} {text}, {split}, {more:g}x: {name}"
                yield case, _found(at, SPLITS[split][1])
        goal = plan_of(PlanSettings(strategy="ab", goal=metric, guard={}))
        at = reached(_late(metric, "50%"), goal, 1.1, few, 8)["better"]
        yield f"ab by {metric}, 50%, 1.1x: better", _found(at, 0.5)


def _found(at: Any, share: float) -> dict[str, float]:
    """How often, and at how many units of the candidate."""
    found = np.isfinite(at)
    line = {"releases": at.size, "found": float(found.mean())}
    if found.any():
        line["units"] = float(np.median(at[found])) * share
        line["units_p95"] = float(np.quantile(at[found], 0.95)) * share
    return line


def _many(kind: str, runs: int) -> int:
    return runs if kind == "failures" else max(1, runs // 10)


def _bars(numbers: dict[str, Any]) -> Iterator[Bar]:
    for part, key in (("good", "rolled_back"), ("unproven", "promoted")):
        for name, line in numbers[part].items():
            bound = ALPHA + 3.0 * sqrt(ALPHA * (1.0 - ALPHA) / line["releases"])
            shown = f"{name}: % {key.replace('_', ' ')}"
            yield Bar(shown, 100.0 * line[key], round(100.0 * bound, 2), most=True)
    for name, line in (numbers["alike"] | numbers["shadows"]).items():
        bound = ALPHA + 3.0 * sqrt(ALPHA * (1.0 - ALPHA) / line["releases"])
        for key in sorted(line.keys() - {"releases"}):
            yield Bar(f"{name}: % {key}", 100.0 * line[key], round(100.0 * bound, 2), most=True)
    three = numbers["bad"]["failures <= 1.25, error_rate=3x"]
    yield Bar("three times the failures: % caught", 100.0 * three["caught"], 95.0)
    yield Bar("requests to the candidate until then", three["requests"], 500.0, most=True)


if __name__ == "__main__":
    main()
