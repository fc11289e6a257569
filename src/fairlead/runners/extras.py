"""What is said where a model needs a library that only an extra installs."""

from __future__ import annotations

from fairlead.errors import ModelError


def not_installed(library: str) -> ModelError:
    """The error to raise.

    Example:
        >>> not_installed("xgboost").hint
        "Install it: pip install 'fairlead[xgboost]'."
    """
    return ModelError(
        f"The model needs {library}, which is not installed.",
        hint=f"Install it: pip install 'fairlead[{library}]'.",
    )
