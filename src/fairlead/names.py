"""What models, endpoints and aliases may be called."""

from __future__ import annotations

import re

from fairlead.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def is_name(word: str) -> bool:
    """Whether a word can stand in addresses, keys of records and names of files as it is.

    Example:
        >>> is_name("churn-2"), is_name("Churn"), is_name("a/b")
        (True, False, False)
    """
    return _NAME.fullmatch(word) is not None


def check_name(word: str, what: str) -> None:
    """Refuse a name that could not be used everywhere.

    Args:
        word: the name.
        what: whose it is: `model`.

    Raises:
        ConfigError: it is none; says what one looks like.
    """
    if not is_name(word):
        raise ConfigError(
            f"The {what} cannot be called '{word}'.",
            hint="A name is letters a to z, digits, '.', '_' and '-', at most 63 of them, "
            "the first a letter or digit.",
        )
