"""A report as one page of HTML, with all that it needs in it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, Template

from fairlead.app.report.types import Cell, Report
from fairlead.figures import Figure

HERE = Path(__file__).parent
# In JSON they occur in strings alone, where they may be written so; nothing ends the element.
_IN_HTML = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}


def render(report: Report) -> str:
    """Write a report as HTML.

    The page asks nothing of any other place, and runs no script but the two that are written into
    it, which its policy names by their digests.
    """
    scripts = [_plotly(), (HERE / "report.js").read_text(encoding="utf-8")]
    sections = [*report.sections, *(part for each in report.chapters for part in each.sections)]
    figures = [figure for section in sections for figure in section.figures]
    return _template().render(
        report=report,
        style=(HERE / "report.css").read_text(encoding="utf-8"),
        scripts=scripts,
        digests=[_digest(script) for script in scripts],
        figures=_json(figures),
    )


@cache
def _plotly() -> str:
    """The script that draws; found without an import, which would cost its own."""
    found = importlib.util.find_spec("plotly")
    assert found is not None
    assert found.origin is not None
    file = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return file.read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True)
    environment.filters["cell"] = _cell
    return environment.get_template("report.html")


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _json(figures: list[Figure]) -> str:
    raw = msgspec.json.encode(figures)
    for sign, written in _IN_HTML.items():
        raw = raw.replace(sign, written)
    return raw.decode()
