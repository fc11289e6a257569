"""The settings of a step, checked."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.bundle import Step
from fairlead.errors import ConfigError

Setting = int | float | str


def take(step: Step, allowed: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings of a step, with those that are there without being set.

    Args:
        step: as it was asked for.
        allowed: each setting that the method has, and what it is unless it is set.

    Raises:
        ConfigError: it has another setting, or one of another type.

    Example:
        >>> take(Step(method="prune", settings={"keep": 0.5}), {"keep": 1.0, "score": "qr"})
        {'keep': 0.5, 'score': 'qr'}
    """
    for name, value in step.settings.items():
        known = ", ".join(allowed) or "none"
        if name not in allowed:
            raise ConfigError(
                f"'{step.method}' has no setting '{name}'.", hint=f"Its settings: {known}."
            )
        text = isinstance(allowed[name], str)
        if text is not isinstance(value, str) or isinstance(value, bool):
            expected = "a text" if text else "a number"
            raise ConfigError(f"Setting '{name}' of '{step.method}' must be {expected}.")
    return {**allowed, **step.settings}
