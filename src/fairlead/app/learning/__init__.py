"""Learning online, put together: a process for each learner, and versions for its checkpoints."""
