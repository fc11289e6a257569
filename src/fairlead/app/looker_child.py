"""The process that looks at pictures and listens to sounds, within bounds, and knows nothing else.

Started as `python -m fairlead.app.looker_child SOCKET .`, see `runners/process.py`.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping

import numpy as np

from fairlead.profiles import describe_media
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column

MEMORY_BYTES = 4 * 1024**3
"""Of addresses; a picture of the most pixels that are looked at takes a tenth."""


class _Eye:
    def predict(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        return {"told": np.array([describe_media(data) for data in columns["data"]], dtype=object)}


def _load(_: str) -> _Eye:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    return _Eye()


def main() -> None:
    """Entry of the process."""
    answer_questions(_load)


if __name__ == "__main__":
    main()
