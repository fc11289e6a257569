"""What numbers a formula takes, said in the same words everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError

Numbers = npt.NDArray[np.float64]


def check_share(name: str, value: Any) -> None:
    """Refuse what does not lie strictly between 0 and 1.

    Raises:
        ConfigError: a value does not.
    """
    if not np.all((np.asarray(value) > 0.0) & (np.asarray(value) < 1.0)):
        raise ConfigError(f"The {name} is not between 0 and 1.", hint="Give one, as 0.05.")


def check_positive(name: str, value: Any) -> None:
    """Refuse what is not a finite number above zero.

    Raises:
        ConfigError: a value is none.
    """
    if not np.all((np.asarray(value) > 0.0) & np.isfinite(value)):
        raise ConfigError(f"The {name} is not above zero.", hint="Give a finite number above 0.")


def check_counts(name: str, value: Any) -> None:
    """Refuse what is not zero or more, and finite.

    Raises:
        ConfigError: a value is not.
    """
    if not np.all((np.asarray(value) >= 0.0) & np.isfinite(value)):
        raise ConfigError(f"The {name} are no counts.", hint="Give finite numbers from 0 on.")


def check_hits(hits: Any, rows: Any) -> None:
    """Refuse hits that are not in 0..rows, and no rows.

    Raises:
        ConfigError: they are not.
    """
    share = (np.asarray(hits) >= 0) & (np.asarray(hits) <= np.asarray(rows))
    if not np.all(share & (np.asarray(rows) >= 1) & np.isfinite(rows)):
        raise ConfigError(
            f"{hits} of {rows} rows is no share.", hint="Give 0 <= hits <= rows, with a row."
        )
