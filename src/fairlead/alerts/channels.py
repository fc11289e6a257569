"""What a channel's settings must say, looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.alerts.address import check_host, read_url
from fairlead.alerts.settings import ChannelSettings
from fairlead.errors import ConfigError, FairleadError
from fairlead.names import check_name


def check_channel(name: str, channel: ChannelSettings) -> None:
    """Refuse a channel that could deliver nothing.

    Args:
        name: of the channel.
        channel: its settings.

    Raises:
        ConfigError: says what is missing or too much.
    """
    check_name(name, "channel")
    at = f"alerts.channel.{name}"
    places = [place for place in ("url", "url_env", "url_file") if getattr(channel, place)]
    if channel.kind == "email":
        needed = ("host", "sender", "to")
        missing = [field for field in needed if not getattr(channel, field)]
        if missing or places:
            what = f"needs {' and '.join(missing)}" if missing else f"has no use for {places[0]}"
            raise ConfigError(f"The channel '{at}' {what}.")
        wrong = [address for address in (channel.sender, *channel.to) if not _is_mail(address)]
        if wrong:
            raise ConfigError(f"The channel '{at}' has an address without a name or a domain.")
        _within(at, lambda: check_host(channel.host))
    elif len(places) != 1:
        raise ConfigError(f"The channel '{at}' needs one of 'url', 'url_env' and 'url_file'.")
    elif channel.url:
        _within(at, lambda: read_url(channel.url))
    if channel.secret_env and channel.secret_file:
        raise ConfigError(f"The channel '{at}' names two places of one secret.")


def _is_mail(address: str) -> bool:
    """Whether it can be written into a mail; `Ops <ops@example.com>` is fine, too."""
    name, _, domain = address.rpartition("@")
    return bool(name and domain) and address.isprintable()


def _within(at: str, check: Callable[[], object]) -> None:
    try:
        check()
    except FairleadError as error:
        raise ConfigError(f"The channel '{at}': {error.message}", hint=error.hint) from None
