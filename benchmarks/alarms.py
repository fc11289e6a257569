"""How often nothing is called a drift, and how small a drift is found.

    python benchmarks/alarms.py [--quick] [--months N] [--processes N] [--json PATH]

Windows of fifty fields (normal, Pareto, 3 to 1000 categories) in which nothing moves: alone, of
100 to 100,000 rows against references of 5000; and hour after hour as an endpoint sees them, as
many months as asked, with daily cycles, and with users who ask often and alike. Beside it the
field's default rules on windows of the same worlds, and a rule that always fires. Then one field
is shifted, also with one outlier of 1e6 in it; and rows repeat each other as they should not, while
in all windows some do.

It ends with the bars, and exits with 1 if one is missed. A share of windows has three standard
errors of room above its budget, alarms a month have none.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from support.bars import Bar
from support.copies import FAULTS
from support.moved import delay, power, repeats
from support.quiet import KINDS, WEEKENDS, alone, hourly, rules

from fairlead.monitoring import Budget, Rule
from support import worlds

LARGE = ("independent", "users", "users and cycles, by hour")
"""The kinds of traffic of which there are hours of 3000 rows, too."""

DELAY_ROWS, DELAY_SHIFTS = 300, (0.2, 0.3, 0.5)
POWER_ROWS = (100, 300, 1000, 10_000, 100_000)
BARRED_ROWS, BARRED_SHIFT = 1000, 0.5
"""Of which there are bars; the others are shown."""

Found = dict[str, Iterator[tuple[str, Any]]]
"""By part, what each of its cases gives, found as it is asked for."""


def main() -> None:
    given = _arguments()
    found = _quick() if given.quick else _full(given.months, given.processes)
    numbers: dict[str, Any] = {}
    for part, cases in found.items():
        print(HEADS[part])
        for name, line in cases:
            numbers.setdefault(part, {})[name] = line
            print(*SHOWN[part](name, line), sep="\n", flush=True)
    numbers["cpu_s"] = sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    print(f"{numbers['cpu_s']:.0f} CPU seconds")
    reached = list(_bars(numbers))
    print(*reached, sep="\n")
    numbers["bars"] = {bar.name: bar.reached for bar in reached}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))
    sys.exit(not all(bar.reached for bar in reached))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten fields, few windows, only bars")
    parser.add_argument("--months", type=float, default=12.0, help="of hourly windows")
    parser.add_argument("--processes", type=int, default=1, help="of the hourly windows")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args()


def _quick() -> Found:
    fields = range(0, worlds.FIELDS, 5)
    hours = ((f"{kind}, 300 rows", hourly(fields, how, 300, 1.0)) for kind, how in KINDS.items())
    return {
        "alone": ((str(rows), alone(fields, rows, 60)) for rows in (100, 1000, 10_000)),
        "hourly": hours,
        "rules": ((f"{rows} rows", rules(fields, rows, 5)) for rows in (100,)),
        "power": ((str(rows), power(fields, rows, 20)) for rows in (BARRED_ROWS,)),
        "repeats": ((str(rows), repeats(fields, rows, 10)) for rows in (BARRED_ROWS,)),
        "delay_windows": ((str(s), delay(fields, s, DELAY_ROWS, 3)) for s in (BARRED_SHIFT,)),
    }


def _full(months: float, processes: int) -> Found:
    fields = range(worlds.FIELDS)
    sizes = (100, 1000, 10_000, 100_000)
    drawn = [(f"{m} rows", m, 30 if m < 100_000 else 10, "independent") for m in sizes]
    drawn += [(f"300 rows, {kind}", 300, 30, kind) for kind in ("cycles", "users")]
    return {
        "alone": ((str(rows), alone(fields, rows, 1000)) for rows in sizes),
        "hourly": _years(fields, months, processes),
        "weekends": ((name, hourly(fields, how, 300, 3.0)) for name, how in WEEKENDS.items()),
        "rules": ((name, rules(fields, m, windows, kind)) for name, m, windows, kind in drawn),
        "power": ((str(rows), power(fields, rows, 50)) for rows in POWER_ROWS),
        "repeats": ((str(rows), repeats(fields, rows, 50)) for rows in POWER_ROWS[:-1]),
        "delay_windows": ((str(s), delay(fields, s, DELAY_ROWS, 20)) for s in DELAY_SHIFTS),
    }


def _years(fields: range, months: float, processes: int) -> Iterator[tuple[str, Any]]:
    cases = [(kind, 300) for kind in KINDS] + [(kind, 3000) for kind in LARGE]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        years = [pool.submit(hourly, fields, KINDS[kind], rows, months) for kind, rows in cases]
        for (kind, rows), year in zip(cases, years, strict=True):
            yield f"{kind}, {rows} rows", year.result()


def _bars(numbers: dict[str, Any]) -> Iterator[Bar]:
    for rows, line in numbers["alone"].items():
        yield _share(f"{rows} rows: % of windows with an alert", line)
    for name, line in numbers["hourly"].items():
        yield Bar(f"{name}: alarms a month", line["alarms_per_month"], Budget().alarms, most=True)
        yield _share(f"{name}: % of hours with an alert", line)
    found = numbers["power"][str(BARRED_ROWS)]
    yield Bar("of shifts by 0.5 sd found in 1000 rows", found["normal"]["0.5"], 0.95)
    yield Bar("of them with an outlier of 1e6", found["normal, outlier"]["0.5"], 0.95)
    found = numbers["repeats"][str(BARRED_ROWS)]
    for traffic, fault in (("independent", 0), ("users", 0), ("independent", 1)):
        what = f"of windows found, 1000 rows, {traffic}, {FAULTS[fault]}"
        yield Bar(what, found[traffic][FAULTS[fault]], 0.95)
    hours = numbers["delay_windows"][str(BARRED_SHIFT)]
    yield Bar(f"hours of {DELAY_ROWS} rows until 0.5 sd alarm", hours, 6, most=True)


def _share(name: str, line: dict[str, float]) -> Bar:
    alpha = Rule().alpha
    bound = alpha + 3.0 * sqrt(alpha * (1.0 - alpha) / line["windows"])
    return Bar(name, 100.0 * line["with_alert"], round(100.0 * bound, 2), most=True)


def _alone(rows: str, line: dict[str, float]) -> Iterator[str]:
    yield f"  {rows:>7} rows {line['with_alert']:9.2%} of {line['windows']}"


def _hours(name: str, line: dict[str, float]) -> Iterator[str]:
    yield (
        f"  {name:<40}{line['with_alert']:8.2%} of {line['windows']}, "
        f"alarms a month {line['alarms_per_month']:5.2f}"
    )


def _said(where: str, lines: dict[str, dict[str, float]]) -> Iterator[str]:
    for name, line in lines.items():
        cases = "".join(f"  {case} {share:4.0%}" for case, share in line.items())
        yield f"  {where:<22}{name:<24}{cases}"


def _power(rows: str, lines: dict[str, dict[str, float]]) -> Iterator[str]:
    for name, line in lines.items():
        shares = "".join(f"  {shift} sd {share:4.0%}" for shift, share in line.items())
        yield f"  {rows:>7} rows, {name:<18}{shares}"


def _repeats(rows: str, lines: dict[str, dict[str, float]]) -> Iterator[str]:
    for name, line in lines.items():
        shares = "".join(f"  {case} {share:4.0%}" for case, share in line.items())
        yield f"  {rows:>7} rows, {name:<18}{shares}"


def _delay(shift: str, hours: float) -> Iterator[str]:
    yield f"  by {shift} sd: alarm after {hours:g} hours of {DELAY_ROWS} rows"


HEADS = {
    "alone": "Nothing moves; windows with any alert, each alone:",
    "hourly": "Hours with any alert, and alarms over hours:",
    "weekends": "The same where rows are others on two days of seven, also the first time:",
    "rules": "Windows with any alert by default rules of the field; and one shifted by 0.5 sd:",
    "power": "One field is shifted; found in one window:",
    "repeats": "Rows repeat each other; found in one window:",
    "delay_windows": "One field is shifted; found over hours:",
}
SHOWN: dict[str, Callable[[str, Any], Iterator[str]]] = {
    "alone": _alone, "hourly": _hours, "weekends": _hours, "rules": _said, "power": _power,
    "repeats": _repeats, "delay_windows": _delay,
}  # fmt: skip


if __name__ == "__main__":
    main()
