"""Smaller and faster forms of a model, each measured against the original before it is taken."""
