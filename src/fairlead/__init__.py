"""Take a trained model to production and keep it right there.

    import fairlead
    version = fairlead.package(model, X_valid, y_valid, name="churn")

then, in a shell, `fairlead up churn:1`. Names are imported when they are first used, so that
`import fairlead` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import fairlead.monitor as monitor
    from fairlead.app.asgi import asgi
    from fairlead.app.features import join_features
    from fairlead.app.progress import progress
    from fairlead.app.public import Served, figure, package, read, serve
    from fairlead.client import Client
    from fairlead.errors import (
        BundleError,
        ConfigError,
        ConflictError,
        DeadlineError,
        ExportError,
        FairleadError,
        ForbiddenError,
        InputError,
        ModelError,
        NotFoundError,
        RateError,
        ReceiptError,
        StorageError,
        UnauthorizedError,
        UnavailableError,
    )

__all__ = [
    "BundleError",
    "Client",
    "ConfigError",
    "ConflictError",
    "DeadlineError",
    "ExportError",
    "FairleadError",
    "ForbiddenError",
    "InputError",
    "ModelError",
    "NotFoundError",
    "RateError",
    "ReceiptError",
    "Served",
    "StorageError",
    "UnauthorizedError",
    "UnavailableError",
    "asgi",
    "figure",
    "join_features",
    "monitor",
    "package",
    "progress",
    "read",
    "serve",
]

_HOMES = {
    "Client": "fairlead.client",
    "Served": "fairlead.app.public",
    "asgi": "fairlead.app.asgi",
    "figure": "fairlead.app.public",
    "join_features": "fairlead.app.features",
    "package": "fairlead.app.public",
    "progress": "fairlead.app.progress",
    "read": "fairlead.app.public",
    "serve": "fairlead.app.public",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fairlead' has no attribute '{name}'")
    if name == "monitor":
        return importlib.import_module("fairlead.monitor")
    return getattr(importlib.import_module(_HOMES.get(name, "fairlead.errors")), name)


def __dir__() -> list[str]:
    return __all__
