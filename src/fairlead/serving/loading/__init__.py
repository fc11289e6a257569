"""Versions in a worker's memory: which to load and let go, one at a time, proven and warm."""
