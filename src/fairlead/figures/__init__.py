"""Plotly figures as plain JSON, drawn from plain values."""

from fairlead.figures.bars import draw_effects, draw_shares
from fairlead.figures.curves import draw_densities
from fairlead.figures.dots import draw_dots
from fairlead.figures.estimates import draw_ages, draw_estimates, draw_paths
from fairlead.figures.intervals import Interval, draw_intervals
from fairlead.figures.layout import Figure, escape
from fairlead.figures.lines import Event, draw_lines
from fairlead.figures.narrowing import Ends, draw_narrowing
from fairlead.figures.steps import draw_reached
from fairlead.figures.times import draw_heat, draw_series
from fairlead.figures.trade import draw_trade

__all__ = [
    "Ends",
    "Event",
    "Figure",
    "Interval",
    "draw_ages",
    "draw_densities",
    "draw_dots",
    "draw_effects",
    "draw_estimates",
    "draw_heat",
    "draw_intervals",
    "draw_lines",
    "draw_narrowing",
    "draw_paths",
    "draw_reached",
    "draw_series",
    "draw_shares",
    "draw_trade",
    "escape",
]
