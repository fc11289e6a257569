"""Expositions, read back."""

from __future__ import annotations

import re

_LINE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')


class Exposed:
    """What `/metrics` told.

    Args:
        text: of it, in either form.
    """

    def __init__(self, text: str) -> None:
        self._samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if not line.startswith("#"):
                found = _LINE.fullmatch(line)
                assert found, line
                labels = dict(_LABEL.findall(found[2] or ""))
                self._samples.append((found[1], labels, float(found[3])))

    @property
    def names(self) -> set[str]:
        """Of all samples."""
        return {name for name, _, _ in self._samples}

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples with a name and these labels, among others."""
        return sum(
            value
            for of, there, value in self._samples
            if of == name and there.items() >= labels.items()
        )

    def label(self, name: str, label: str) -> set[str]:
        """What a label is in the samples with a name."""
        return {labels[label] for n, labels, _ in self._samples if n == name}
