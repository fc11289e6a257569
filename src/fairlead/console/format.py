"""Values as people read them: as many figures as matter, and always a unit.

Templates use these as filters, and the stream of live values writes the same texts.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec
from markupsafe import Markup

from fairlead.stats import Estimate

NOTHING = "-"
_SMALL = 0.001


def number(value: float | None) -> str:
    """Three figures, thousands apart.

    Example:
        >>> number(12345), number(0.12345), number(3.0), number(None)
        ('12,345', '0.123', '3', '-')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(ratio: float | None) -> str:
    """A share of one.

    Example:
        >>> percent(0.9731), percent(0.00004), percent(0.0), percent(1)
        ('97.3 %', '<0.1 %', '0 %', '100 %')
    """
    if ratio is None or not math.isfinite(ratio):
        return NOTHING
    if 0 < ratio < _SMALL:
        return "<0.1 %"
    return f"{100 * ratio:.1f}".removesuffix(".0") + " %"


def rate(per_s: float | None) -> str:
    """Requests in a second, or in a minute where they are few.

    Example:
        >>> rate(1234.5), rate(0.2), rate(0)
        ('1,234 /s', '12 /min', '0 /s')
    """
    if per_s is not None and 0 < per_s < 1:
        return f"{number(per_s * 60)} /min"
    return NOTHING if per_s is None else f"{number(per_s)} /s"


def span(seconds: float | None) -> str:
    """A length of time, in its two largest units at most.

    Example:
        >>> span(0.00123), span(0.5), span(75), span(7300), span(200_000)
        ('1.23 ms', '500 ms', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 1:
        return f"{number(seconds * 1000)} ms"
    if seconds < 60:
        return f"{number(seconds)} s"
    whole = round(seconds)
    for (unit, length), (part, size) in pairwise(_UNITS):
        if whole >= length:
            rest = whole % length // size
            return f"{whole // length} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def size(count: float | None) -> str:
    """Bytes.

    Example:
        >>> size(512), size(2_500_000)
        ('512 B', '2.5 MB')
    """
    if count is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{number(count)} {unit}"
        count /= 1000
    return NOTHING


def metric(value: float | None) -> str:
    """Of a model: three figures after the point, as differences there matter.

    Example:
        >>> metric(0.93751), metric(123.4)
        ('0.938', '123')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3f}" if abs(value) < 10 else number(value)


def interval(estimate: Estimate | None) -> str:
    """The ends of an interval.

    Example:
        >>> interval(Estimate(0.9, 0.85, 0.94))
        '0.850 to 0.940'
    """
    return "" if estimate is None else f"{metric(estimate.low)} to {metric(estimate.high)}"


def cell(value: object) -> str:
    """A value of the log, whatever it is.

    Example:
        >>> cell(None), cell(True), cell(0.123456789), cell("a"), cell([1, 2.5])
        ('missing', 'true', '0.123457', 'a', '[1, 2.5]')
    """
    if value is None:
        return "missing"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(cell, value))}]"
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return msgspec.json.encode(value).decode()


def answer(outputs: Mapping[str, object]) -> str:
    """Of what was answered that which stands for it.

    Example:
        >>> answer({"probabilities": [0.1, 0.9], "label": "yes"}), answer({"score": 0.25})
        ('yes', '0.25')
    """
    name = next((name for name in ("label", "prediction", *outputs) if name in outputs), None)
    return NOTHING if name is None else cell(outputs[name])


def capital(text: str) -> str:
    """A text that begins as a sentence does; names stay as they are.

    Example:
        >>> capital("values of MeanRadius have moved"), capital("churn:2 waits")
        ('Values of MeanRadius have moved', 'churn:2 waits')
    """
    if ":" in text.partition(" ")[0]:
        return text
    return text[:1].upper() + text[1:]


def moment(time_us: int | None) -> Markup | str:
    """A time, as text in UTC that the page's script writes in the reader's zone.

    Example:
        >>> moment(0)
        Markup('<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00 UTC</time>')
    """
    if time_us is None:
        return NOTHING
    time = dt.datetime.fromtimestamp(time_us / 1e6, dt.UTC)
    exact = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{} UTC</time>').format(exact, time.strftime("%F %R"))


FILTERS: dict[str, Callable[..., Any]] = {
    "answer": answer,
    "capital": capital,
    "cell": cell,
    "number": number,
    "percent": percent,
    "rate": rate,
    "span": span,
    "size": size,
    "metric": metric,
    "interval": interval,
    "moment": moment,
}
