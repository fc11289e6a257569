"""The process that tells two samples of rows apart, then is asked no more.

Started as `python -m fairlead.app.telling_child SOCKET .`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from fairlead.monitoring.domain import tell_apart
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column

SEED = 20_260_101
NICER = 10
"""Everything else comes first."""


class _Telling:
    def predict(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """What was found, and what each field tells."""
        reference, current = (
            np.asarray(columns[name], dtype=np.float64) for name in ("reference", "current")
        )
        found = tell_apart(reference, current, seed=SEED)
        return {
            "found": np.array([found.auc.value, found.auc.low, found.auc.high, found.p_value]),
            "drops": np.array(found.drops),
        }


def main() -> None:
    """Entry of the process."""
    os.nice(NICER)
    answer_questions(lambda _: _Telling())


if __name__ == "__main__":
    main()
