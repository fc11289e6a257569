"""Answers that are kept for a while, for whoever asks the same of the same version."""
