"""A challenger too good to be true, and a training that would show why.

`is_suspicious` says when to ask; then the function trains once more, on `placebo_labels` in place
of the labels, and the answers of that model are given to `weigh(..., placebo=...)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def placebo_labels(labels: Values, *, seed: int) -> Values:
    """The same labels on other rows, so that nothing true can be learnt from them.

    Args:
        labels: of the training rows, shape (rows,).
        seed: the same gives the same.
    """
    raise NotImplementedError
