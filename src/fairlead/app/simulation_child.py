"""The process that simulates one plan, then is asked no more.

Started as `python -m fairlead.app.simulation_child SOCKET .`.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping

import msgspec
import numpy as np

from fairlead.app.simulating import Asked
from fairlead.releases.simulation.ending import ending
from fairlead.releases.simulation.simulate import simulate
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column

NICER = 10
"""Everything else comes first."""
MEMORY_BYTES = 4 * 1024**3
"""Of addresses."""


class _Simulation:
    def predict(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """How the releases of each candidate ended."""
        asked = msgspec.json.decode(str(columns["asked"][0]), type=Asked)
        found = [
            ending(name, simulate(asked.plan, asked.traffic, fault, runs=asked.runs,
                                  seed=asked.seed))
            for name, fault in asked.faults.items()
        ]  # fmt: skip
        return {"found": np.array([msgspec.json.encode(found).decode()], dtype=object)}


def _load(_: str) -> _Simulation:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    os.nice(NICER)
    return _Simulation()


def main() -> None:
    """Entry of the process."""
    answer_questions(_load)


if __name__ == "__main__":
    main()
