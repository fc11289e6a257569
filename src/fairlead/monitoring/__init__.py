"""Whether a model is still right: its answers against labels, against estimates, and why."""
