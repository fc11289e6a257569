"""Which models learn as labels arrive, as the settings say."""

from __future__ import annotations

from fairlead.app.settings import Settings
from fairlead.learning import OnlineSpec, online_of


def learners(settings: Settings) -> tuple[OnlineSpec, ...]:
    """How models learn as labels arrive, of those endpoints where they do.

    Raises:
        ConfigError: what is said of one makes no sense.
    """
    return tuple(
        online_of(endpoint, own.online)
        for endpoint, own in settings.endpoint.items()
        if own.online is not None
    )
