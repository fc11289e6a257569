"""One attempt to deliver a notification through a channel."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from fairlead.alerts import encode
from fairlead.alerts.address import Target, read_url
from fairlead.alerts.connect import mail, post
from fairlead.alerts.settings import ChannelSettings
from fairlead.alerts.types import Notification
from fairlead.errors import ConfigError, UnavailableError

SECRET_BYTES_MAX = 8192
_ACCEPTED = range(200, 300)


def send(
    channel: ChannelSettings,
    notification: Notification,
    time_s: int,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Try once to deliver a notification.

    Args:
        channel: to deliver it through.
        notification: to deliver.
        time_s: of the attempt, seconds since 1970.
        environment: that secrets may come from.

    Raises:
        FairleadError: it was not taken; no secret is in its words.
        OSError: the network failed.
    """
    tls = _trusting(channel.ca) if channel.ca else None
    secret = _read(channel.secret_env, channel.secret_file, environment)
    if channel.kind == "email":
        mail(
            encode.letter(notification, channel.sender, channel.to),
            channel.host,
            channel.port,
            login=(channel.user, secret) if channel.user else None,
            starttls=channel.starttls,
            timeout_s=channel.timeout_s,
            allow_private=channel.allow_private,
            tls=tls,
        )
        return
    url = channel.url or _read(channel.url_env, channel.url_file, environment)
    body, headers = _request(channel, notification, time_s, secret)
    target = read_url(url)
    status = post(
        _api(target) if channel.kind == "alertmanager" else target,
        body,
        headers,
        timeout_s=channel.timeout_s,
        allow_private=channel.allow_private,
        tls=tls,
    )
    if status not in _ACCEPTED:
        raise UnavailableError(f"'{target.host}' answered with status {status}.")


def _request(
    channel: ChannelSettings, notification: Notification, time_s: int, secret: str
) -> tuple[bytes, dict[str, str]]:
    if channel.kind == "slack":
        return encode.slack(notification), {}
    bearer = {"authorization": f"Bearer {secret}"} if secret else {}
    if channel.kind == "alertmanager":
        return encode.alertmanager(notification), bearer
    body = encode.webhook(notification)
    return body, encode.sign(body, notification.id, time_s, secret)


def _api(target: Target) -> Target:
    path = target.path.rstrip("/")
    known = path if path.endswith("/api/v2/alerts") else f"{path}/api/v2/alerts"
    return Target(target.scheme, target.host, target.port, known)


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError:
        raise ConfigError(f"The authorities in '{ca}' cannot be read.") from None


def _read(variable: str, file: str, environment: Mapping[str, str]) -> str:
    """A secret, from where the settings say; read anew each time, so that it may be changed."""
    if variable:
        if variable not in environment:
            raise ConfigError(f"The environment variable '{variable}' is not set.")
        return environment[variable].strip()
    if file:
        try:
            with Path(file).open(encoding="utf-8") as opened:
                return opened.read(SECRET_BYTES_MAX).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The secret in '{file}' cannot be read: {error}.") from None
    return ""
