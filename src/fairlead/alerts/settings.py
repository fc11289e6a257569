"""What `fairlead.toml` may say of alerts: rules of an endpoint, and channels."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fairlead.alerts.types import SEVERITIES, Severity
from fairlead.durations import PATTERN

Duration = Annotated[str, Meta(pattern=PATTERN)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
Hour = Annotated[int, Meta(ge=0, le=23)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
ChannelKind = Literal["webhook", "slack", "email", "alertmanager"]


class PaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the list `burn`.

    Args:
        factor: how many times faster than allowed the budget of bad events may be used up.
        long: stretch over which that pace must be exceeded.
        short: stretch over which it must still be exceeded.
    """

    factor: Positive
    long: Duration
    short: Duration


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[endpoint.NAME.alert.RULE]`. What is not said is as in the default rule of the name.

    Args:
        enabled: whether the rule is in force.
        metric: whose signals are read, with a limit or an objective.
        above: more than this is an alert.
        below: less than this is an alert.
        proven: whether the whole interval must be beyond the limit.
        guard: whose signals are read, to alert on proven harm alone.
        objective: share of events that must be good.
        burn: paces at which the budget of bad events must not be used up.
        hold: how long it must hold before it fires; `for` in the file.
        keep_for: how long all must be well before it is resolved.
        severity: whom it calls: `page` now, `ticket` in working hours, `digest` once a day.
        subject: fields, segments or versions that it is about; `*` and `?` stand for anything.
        look_at: what to look at next, in words.
    """

    enabled: bool = True
    metric: str | None = None
    above: float | None = None
    below: float | None = None
    proven: bool | None = None
    guard: str | None = None
    objective: Share | None = None
    burn: list[PaceSettings] | None = None
    hold: Duration | None = msgspec.field(default=None, name="for")
    keep_for: Duration | None = None
    severity: Severity | None = None
    subject: str | None = None
    look_at: str | None = None


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[alerts.channel.NAME]`.

    Args:
        kind: what is at its other end.
        url: of the receiver, for every kind but `email`.
        url_env: environment variable that holds it instead, as it is a secret of some receivers.
        url_file: file that holds it instead.
        secret_env: environment variable that holds the secret: a webhook's signing key, the
            password of a mail server, a bearer token for Alertmanager.
        secret_file: file that holds it instead.
        severities: of the alerts that go this way.
        allow_private: whether the receiver may be on this machine or in a private network.
        timeout_s: after which an attempt is given up.
        ca: file of the authorities that are trusted; those of the system if empty.
        host: of the mail server.
        port: of the mail server.
        starttls: whether mail goes over TLS, and not at all without.
        user: at the mail server; without, nobody logs in.
        sender: of mail.
        to: who gets mail.
    """

    kind: ChannelKind = "webhook"
    url: str = ""
    url_env: str = ""
    url_file: str = ""
    secret_env: str = ""
    secret_file: str = ""
    severities: list[Severity] = msgspec.field(default_factory=lambda: list(SEVERITIES))
    allow_private: bool = False
    timeout_s: Positive = 10.0
    ca: str = ""
    host: str = ""
    port: Port = 587
    starttls: bool = True
    user: str = ""
    sender: str = ""
    to: list[str] = []


class AlertsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[alerts]`.

    Args:
        digest_hour: at which the digest of a day is sent, in UTC.
        channel: where alerts go.
    """

    digest_hour: Hour = 7
    channel: dict[str, ChannelSettings] = {}
