"""The port that every runner implements."""

from __future__ import annotations

from typing import Protocol

from fairlead.signature import Batch


class Runner(Protocol):
    """Executes one version's model.

    A runner is loaded from a verified bundle, answers batches until it is closed, and is used
    from one thread at a time.
    """

    @property
    def blocking(self) -> bool:
        """Whether `predict` waits for another process, so that it must not run on a loop."""
        ...

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Args:
            batch: rows that fit the signature's inputs; 1 or more.

        Returns:
            As many rows, of the signature's output fields.

        Raises:
            ModelError: the model failed; the runner stays usable or says so again.
        """
        ...

    def process_id(self) -> int:
        """The number of the process of its own, as it is now; 0 if it has none."""
        ...

    def close(self) -> None:
        """Free what it holds; calling it twice is harmless."""
        ...
