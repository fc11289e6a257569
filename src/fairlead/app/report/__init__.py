"""A report of an endpoint: one file that any browser opens, offline, for whoever it is sent to."""

from fairlead.app.report.render import render
from fairlead.app.report.write import write_report

__all__ = ["render", "write_report"]
