"""How `fairlead release show` tells of a shadow beside what callers were given."""

from __future__ import annotations

from fairlead.cli.output import say, table
from fairlead.releases.shadow.comparison import Comparison
from fairlead.releases.shadow.summary import Summary, summarize
from fairlead.stats import Estimate


def show_comparison(compared: Comparison) -> None:
    """Print it: a line of all rows, one for each slice, and what is known besides."""
    summary = summarize(compared)
    lines = [("all", "", summary.rows, summary.apart)]
    lines += [(part.field, part.value, part.rows, part.apart) for part in summary.slices]
    percent = summary.measure == "disagreement"
    table(
        ("slice", "value", "rows", summary.measure, "95 of 100"),
        [(*line, *_told(apart, percent=percent)) for *line, apart in lines],
    )
    for text in _besides(summary):
        say(text)


def _told(apart: Estimate | None, *, percent: bool) -> tuple[str | None, str | None]:
    if apart is None:
        return None, None
    form = ".2%" if percent else ".4g"
    return f"{apart.value:{form}}", f"{apart.low:{form}} to {apart.high:{form}}"


def _besides(summary: Summary) -> list[str]:
    said = []
    if summary.kappa is not None:
        said.append(f"Cohen's kappa is {_interval(summary.kappa)}.")
    if len(summary.kappas) > 2:  # of two labels both have that of the whole
        each = [f"of {name} {_interval(one)}" for name, one in summary.kappas.items()]
        said.append(f"Against all others: {', '.join(each)}.")
    if summary.rank is not None:
        said.append(f"Rank agreement (gamma) is {_interval(summary.rank)}.")
    if summary.difference_p95 is not None:
        said.append(f"95 of 100 rows differ by at most {summary.difference_p95:.4g}.")
    if summary.failed:
        said.append(f"The shadow had no answer to {summary.failed} rows.")
    took = {"shadow": "the shadow", "given": "the version that answered"}
    said += [
        f"95 of 100 rows took {took[who]} at most {ms:.3g} ms."
        for who, ms in summary.latency_p95_ms.items()
    ]
    return said


def _interval(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
