"""Smaller forms of decision trees, their forests and boosted sums inside a graph."""
