"""What a model is made of: everything fitted inside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairlead.runners.libraries import library_of


def parts_of(model: object) -> Iterator[object]:
    """The model, and the models inside it, of scikit-learn and of other libraries."""
    seen: set[int] = set()
    waiting: list[object] = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, np.ndarray) and part.dtype == object:
            waiting += part.ravel().tolist()
        elif isinstance(part, list | tuple):
            waiting += part
        elif library_of(part) is not None:
            yield part
        elif type(part).__module__.startswith("sklearn."):
            yield part
            waiting += getattr(part, "__dict__", {}).values()
