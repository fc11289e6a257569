"""How small a shift is found, in one window and over several."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from support.copies import FAULTS, copies

from fairlead.monitoring import Budget, Rule, State, compare, watch
from fairlead.monitoring.duplicates import repetition
from fairlead.monitoring.traffic import PAST_DAYS
from support import worlds

SHIFTS = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
HOUR_US = 3_600_000_000
QUIET_HOURS, HOURS_MAX = 72, 200
CASES = {
    "normal": ("f0", False),
    "normal, outlier": ("f0", True),
    "Pareto": ("f20", False),
    "Pareto, outlier": ("f20", True),
    "3 categories": ("f30", False),
    "1000 categories": ("f45", False),
}
"""The field that is shifted, and whether both samples of it hold a 1e6."""


def power(fields: range, rows: int, windows: int) -> dict[str, dict[str, float]]:
    """Share of windows in which the one field that is shifted is found, by field and shift.

    The shift is that of the Gaussian underneath, in its standard deviations. The reference has
    50,000 rows.
    """
    found: dict[str, dict[str, float]] = {}
    for case, (name, outlier) in CASES.items():
        random = np.random.default_rng(23)
        world = worlds.make(random, 50_000, fields=fields, outlier=outlier)
        one = worlds.World(world.reference, {name: world.shares[name]}, False)
        for shift in SHIFTS:
            hits = 0
            for _ in range(windows):
                still = worlds.window(world, random, rows)
                moved = worlds.window(one, random, rows, shifts={name: shift})
                if outlier:
                    moved[name][-2] += 1
                current = worlds.profile(world.reference, still | moved)
                hits += name in compare(world.reference, current, rule=Rule()).drifted
            found.setdefault(case, {})[str(shift)] = hits / windows
    return found


def repeats(fields: range, rows: int, windows: int) -> dict[str, dict[str, float]]:
    """Share of windows in which rows that repeat are found, by traffic and what went wrong.

    Each is looked at beside 28 windows like it but for that.
    """
    found: dict[str, dict[str, float]] = {}
    for clustered in (False, True):
        random = np.random.default_rng(29)
        world = worlds.make(random, 5000, fields=fields)
        hits = dict.fromkeys(("nothing", *FAULTS), 0)
        for _ in range(windows):
            past = [copies(random, rows, clustered=clustered) for _ in range(PAST_DAYS)]
            usual = [repetition(each) for each in past]
            still = worlds.profile(world.reference, worlds.window(world, random, rows))
            for case in hits:
                fault = case if case in FAULTS else ""
                now = copies(random, rows, clustered=clustered, fault=fault)
                current = replace(still, repeats=now)
                broken = compare(world.reference, current, usual=usual).broken
                hits[case] += any(one.kind == "duplicates" for one in broken)
        name = "users" if clustered else "independent"
        found[name] = {case: hit / windows for case, hit in hits.items()}
    return found


def delay(fields: range, shift: float, rows: int, runs: int) -> float:
    """Median of the hourly windows until a shift of one field raises an alarm; 200 at most."""
    waited = []
    for run in range(runs):
        random = np.random.default_rng(100 + run)
        world = worlds.make(random, 5000, fields=fields)
        state = State()
        for number in range(QUIET_HOURS + HOURS_MAX):
            shifts = {"f0": shift} if number >= QUIET_HOURS else None
            counted = worlds.window(world, random, rows, shifts=shifts)
            current = worlds.profile(world.reference, counted)
            state, _, detection = watch(
                state, world.reference, current, budget=Budget(), start_us=number * HOUR_US
            )
            if number >= QUIET_HOURS and "f0" in detection.alarms:
                break
        waited.append(number - QUIET_HOURS + 1)
    return float(np.median(waited))
