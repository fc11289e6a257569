"""One module for each protocol: bytes to `Ask`, `Answer` to bytes, and nothing else."""
