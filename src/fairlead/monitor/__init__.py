"""Comparing two sets of rows anywhere, as in a notebook, without a server.

found = fairlead.monitor.compare(last_month, this_week)
found.alarm, found.fields["age"].drifted
"""

from fairlead.monitor.compare import Compared, compare
from fairlead.monitoring.types import Drift, Quality, Rule

__all__ = ["Compared", "Drift", "Quality", "Rule", "compare"]
