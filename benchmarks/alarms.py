"""How often nothing is called a drift, and how small a drift is found.

    python benchmarks/alarms.py [--quick] [--months N] [--json PATH]

Windows of fifty fields (normal, Pareto, 3 to 1000 categories) in which nothing moves: alone,
against references of 5000 rows; and hour after hour, with daily cycles and with users who ask
often and alike, as many months as asked. Beside it the field's default rules on such windows,
and a rule that always fires. Then one field is shifted, also with one outlier of 1e6 in it.
"""

from __future__ import annotations

import argparse
import json
import time
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from support.bars import Bar
from support.rules import verdicts

from fairlead.monitoring import Budget, Rule, State, compare, watch
from fairlead.profiles import merge
from support import worlds

REFERENCE_ROWS = 5000
HOURLY_ROWS = 300
SEASON_WEEKS = 1
MONTH_HOURS = 730
KINDS = {
    "independent": (False, False),
    "cycles": (False, True),
    "users": (True, False),
    "users and cycles": (True, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten fields, few windows, a month")
    parser.add_argument("--months", type=float, default=12.0, help="of hourly windows")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    fields = range(0, worlds.FIELDS, 5) if given.quick else range(worlds.FIELDS)
    months, windows = (1.0, 60) if given.quick else (given.months, 1000)
    started_s = time.process_time()
    sizes = (100, 1000, 10_000) if given.quick else (100, 1000, 10_000, 100_000)
    numbers: dict[str, Any] = {
        "alone": {size: alone(fields, size, windows) for size in sizes},
        "months": {kind: hourly(fields, kind, months) for kind in KINDS},
        "rules": {m: rules(fields, m, 5 if given.quick else 30) for m in (100, 1000)},
        "power": power(fields, 20 if given.quick else 200),
        "delay_windows": {
            shift: delay(fields, shift, 3 if given.quick else 20) for shift in (0.2, 0.3, 0.5)
        },
    }
    numbers["cpu_s"] = time.process_time() - started_s
    reached = bars(numbers, windows * len(sizes))
    show(numbers)
    print(*reached, sep="\n")
    numbers["bars"] = {bar.name: bar.reached for bar in reached}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def alone(fields: range, rows: int, windows: int) -> float:
    """Share of undrifted windows with any alert, each tenth with a reference of its own."""
    random = np.random.default_rng(rows)
    alarms = 0
    for number in range(windows):
        if number % 10 == 0:
            world = worlds.make(random, REFERENCE_ROWS, fields=fields)
        counted = worlds.window(world, random, rows)
        alarms += compare(world.reference, worlds.profile(world.reference, counted)).alarm
    return alarms / windows


def hourly(fields: range, kind: str, months: float) -> dict[str, float]:
    """Hours in which nothing moves but what always does: alarms a month, windows with alerts.

    With cycles the reference is the same hour of all days before; a week of them comes first.
    """
    clustered, cyclic = KINDS[kind]
    random = np.random.default_rng(17)
    world = worlds.make(random, REFERENCE_ROWS, fields=fields, clustered=clustered, cyclic=cyclic)
    state, past, budget = State(), {}, Budget()
    alarms = alerts = judged = 0
    for number in range(int(months * MONTH_HOURS)):
        hour = number % worlds.HOURS
        rows = worlds.traffic(hour, HOURLY_ROWS) if cyclic else HOURLY_ROWS
        current = worlds.profile(world.reference, worlds.window(world, random, rows, hour))
        reference = past.get(hour) if cyclic else world.reference
        if cyclic:
            past[hour] = current if reference is None else merge(reference, current)
            if number < SEASON_WEEKS * 7 * worlds.HOURS or reference is None:
                continue
        state, found, detection = watch(state, reference, current, budget=budget)
        alarms += bool(detection.alarms)
        if state.windows > budget.learn:
            judged, alerts = judged + 1, alerts + found.alarm
    return {"alarms_per_month": alarms / months, "windows_with_alert": alerts / judged}


def rules(fields: range, rows: int, windows: int) -> dict[str, Any]:
    """What each rule of the field says of windows in which nothing moved, of one column with one
    outlier of 1e6, and of one that also moved by 0.5 standard deviations."""  # fmt: skip
    random = np.random.default_rng(rows + 1)
    said: dict[str, dict[str, list[bool]]] = {}

    def note(case: str, verdict: dict[str, bool]) -> None:
        for name, drifted in verdict.items():
            said.setdefault(name, {}).setdefault(case, []).append(bool(drifted))

    def drawn(place: int, shift: float) -> tuple[Any, Any]:
        zeros = np.zeros(REFERENCE_ROWS), np.full(rows, shift)
        return worlds.values(place, zeros[0], random), worlds.values(place, zeros[1], random)

    for _ in range(windows):
        any_of: dict[str, bool] = {}
        for place in fields:
            for name, drifted in verdicts(*drawn(place, 0.0), random).items():
                any_of[name] = any_of.get(name, False) or bool(drifted)
        note("nothing", any_of)
        for case, shift in (("outlier", 0.0), ("shift and outlier", 0.5)):
            a, b = drawn(0, shift)
            b[0] = 1e6
            note(case, verdicts(a, b, random))
    return {
        name: {case: float(np.mean(verdict)) for case, verdict in cases.items()}
        for name, cases in said.items()
    }


def power(fields: range, windows: int) -> dict[str, dict[str, float]]:
    """Share of windows in which the one field that is shifted is found, alone."""
    found: dict[str, dict[str, float]] = {}
    for outlier in (False, True):
        random = np.random.default_rng(23)
        world = worlds.make(random, 10 * REFERENCE_ROWS, fields=fields, outlier=outlier)
        for rows in (100, 300, 1000, 10_000):
            line = found.setdefault(f"{rows} rows{', outlier' if outlier else ''}", {})
            for shift in (0.1, 0.15, 0.2, 0.3, 0.5, 1.0):
                hits = 0
                still = worlds.window(world, random, rows)
                one = worlds.World(world.reference, {"f0": world.shares["f0"]}, False, False)
                for _ in range(windows):
                    moved = worlds.window(one, random, rows, shifts={"f0": shift})
                    if outlier:
                        moved["f0"][-2] += 1
                    current = worlds.profile(world.reference, still | moved)
                    hits += "f0" in compare(world.reference, current, rule=Rule()).drifted
                line[str(shift)] = hits / windows
    return found


def delay(fields: range, shift: float, runs: int) -> float:
    """Median of the hourly windows until a shift of one field raises an alarm; 200 at most."""
    waited = []
    for run in range(runs):
        random = np.random.default_rng(100 + run)
        world = worlds.make(random, REFERENCE_ROWS, fields=fields)
        state = State()
        for number in range(72 + 200):
            shifts = {"f0": shift} if number >= 72 else None
            counted = worlds.window(world, random, HOURLY_ROWS, shifts=shifts)
            current = worlds.profile(world.reference, counted)
            state, _, detection = watch(state, world.reference, current, budget=Budget())
            if number >= 72 and "f0" in detection.alarms:
                break
        waited.append(number - 71)
    return float(np.median(waited))


def bars(numbers: dict[str, Any], windows: int) -> list[Bar]:
    """Rates beside the budget, with three standard errors of room where windows are counted."""
    alpha, budget = Rule().alpha, Budget().alarms
    room = 3.0 * sqrt(alpha * (1.0 - alpha) / windows)
    rates = list(numbers["alone"].values())
    shares = numbers["power"]
    found = [
        Bar("% of single windows with any alert", 100 * float(np.mean(rates)),
            100 * (alpha + room), most=True),
        Bar("of shifts by 0.5 found in 1000 rows", shares["1000 rows"]["0.5"], 0.95),
        Bar("of them with an outlier of 1e6", shares["1000 rows, outlier"]["0.5"], 0.95),
        Bar("hours until a shift by 0.5 alarms", numbers["delay_windows"][0.5], 6, most=True),
    ]  # fmt: skip
    for kind, line in numbers["months"].items():
        found.append(Bar(f"{kind}: alarms a month", line["alarms_per_month"], budget, most=True))
    return found


def show(numbers: dict[str, Any]) -> None:
    for size, rate in numbers["alone"].items():
        print(f"{size:>7} rows: windows with any alert {rate:8.2%}")
    for kind, line in numbers["months"].items():
        print(f"{kind:<18} alarms a month {line['alarms_per_month']:5.2f}, "
              f"windows with any alert {line['windows_with_alert']:7.2%}")  # fmt: skip
    for rows, lines in numbers["rules"].items():
        for name, line in lines.items():
            print(f"{rows:>5} rows, {name:<24}"
                  + "".join(f"  {case} {share:4.0%}" for case, share in line.items()))  # fmt: skip
    for name, line in numbers["power"].items():
        print(f"{name:<20}" + "".join(f"  {s} sd {share:4.0%}" for s, share in line.items()))
    for shift, hours in numbers["delay_windows"].items():
        print(f"shift by {shift}: alarm after {hours:g} hours of {HOURLY_ROWS} rows")
    print(f"{numbers['cpu_s']:.0f} CPU seconds")


if __name__ == "__main__":
    main()
