"""A comparison as text, and as HTML for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from fairlead.monitoring import Comparison
from fairlead.monitoring.draw import ranked

TEXT_FIELDS_MAX = 10
HTML_FIELDS_MAX = 30

# Colours of the page that it is shown on, light or dark; state is said in words, never by colour
# alone.
_STYLE = """
.fairlead-compared { font: 14px/1.5 system-ui, sans-serif; max-width: 60rem }
.fairlead-compared table { border-collapse: collapse; margin: .5rem 0; background: none }
.fairlead-compared caption { text-align: left; font-weight: 600; padding: .25rem 0 }
.fairlead-compared :is(th, td) { text-align: left; padding: .2rem .8rem .2rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 22%, transparent);
  vertical-align: baseline; background: none; color: inherit }
.fairlead-compared th { overflow-wrap: anywhere }
.fairlead-compared td.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap }
.fairlead-compared .wrong { font-weight: 600; text-decoration: underline;
  text-decoration-color: #d64550; text-decoration-thickness: 2px }
""".strip()


def headline(found: Comparison) -> str:
    """What was found, in a sentence."""
    tested = sum(drift.test != "none" for drift in found.fields.values())
    rows = f"{found.rows:,} rows against {found.reference_rows:,}"
    if not found.alarm and not tested:
        return f"Not tested: no field could be, so nothing is known; {rows}."
    if not found.alarm:
        return f"Quiet: nothing drifted or broke in {tested} fields; {rows}."
    said = []
    if found.drifted:
        said.append(f"{len(found.drifted)} of {tested} fields drifted")
    if found.broken:
        said.append(
            "1 fault of values"
            if len(found.broken) == 1
            else f"{len(found.broken)} faults of values"
        )
    return f"Alarm: {', '.join(said)}; {rows}."


def as_text(found: Comparison, ignored: Mapping[str, str]) -> str:
    """A comparison in some lines; names are quoted, so that they stay on theirs."""
    lines = [headline(found)]
    for name in ranked(found.fields)[:TEXT_FIELDS_MAX]:
        drift = found.fields[name]
        state = "drifted" if drift.drifted else "not tested" if drift.test == "none" else "-"
        lines.append(
            f"  {name!r}: {state}, effect {drift.effect:.3g}, p {drift.adjusted_p:.2g} (adjusted)"
        )
    left = len(found.fields) - TEXT_FIELDS_MAX
    lines += [f"  … and {left} more fields that moved less"] * (left > 0)
    lines += [f"  {one.field!r}: {one.kind.replace('_', ' ')}" for one in found.broken]
    lines += [f"  {name!r} was not compared: {why}" for name, why in ignored.items()]
    return "\n".join(lines)


def as_html(found: Comparison, ignored: Mapping[str, str]) -> str:
    """A comparison as a fragment of HTML with a style of its own and nothing from elsewhere."""
    parts = [f"<style>{_STYLE}</style>", f"<p><strong>{escape(headline(found))}</strong></p>"]
    if found.broken:
        rows = [(one.field, one.kind.replace("_", " "), one.why) for one in found.broken]
        parts += _table("What is wrong with values", ("field", "fault", "why"), rows)
    parts += _table(
        "How far fields moved",
        ("field", "state", "effect", "p, adjusted", "why"),
        _drifts(found),
    )
    left = len(found.fields) - HTML_FIELDS_MAX
    if left > 0:
        parts.append(f"<p>{left} more fields moved less.</p>")
    if ignored:
        parts += _table("Not compared", ("column", "why"), ignored.items())
    return f'<div class="fairlead-compared">{"".join(parts)}</div>'


def _drifts(found: Comparison) -> Iterator[tuple[str | float, ...]]:
    for name in ranked(found.fields)[:HTML_FIELDS_MAX]:
        drift = found.fields[name]
        state = "drifted" if drift.drifted else "not tested" if drift.test == "none" else "quiet"
        yield name, state, drift.effect, drift.adjusted_p, drift.why


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[tuple[str | float, ...]]
) -> Iterator[str]:
    yield f"<table><caption>{escape(caption)}</caption><thead><tr>"
    yield from (f'<th scope="col">{escape(head)}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for first, *cells in rows:
        yield f'<tr><th scope="row" dir="auto">{escape(str(first))}</th>'
        yield from map(_cell, cells)
        yield "</tr>"
    yield "</tbody></table>"


def _cell(value: str | float) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.3g}</td>'
    wrong = ' class="wrong"' if value == "drifted" else ""
    return f'<td dir="auto"><span{wrong}>{escape(value)}</span></td>'
