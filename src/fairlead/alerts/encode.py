"""A notification as each kind of receiver reads it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any

import msgspec

from fairlead.alerts.types import Alert, Notification

FIRING_US = 30 * 86_400_000_000
"""For how long Alertmanager takes an alert to fire when no more is heard of it."""

SLACK_LENGTH_MAX = 3000


def webhook(notification: Notification) -> bytes:
    """JSON: the message, with every alert's state, times and evidence, or an event's numbers."""
    message = notification.message
    return msgspec.json.encode(
        {
            "id": notification.id,
            "created": _moment(notification.created_us),
            "event": message.event,
            "endpoint": message.endpoint,
            "cause": message.cause,
            "severity": message.severity,
            "title": message.title,
            "text": message.text,
            "alerts": [_alert(alert) for alert in message.alerts],
            "detail": message.detail,
        }
    )


def _alert(alert: Alert) -> dict[str, Any]:
    step = alert.steps[-1]
    return {
        "name": alert.name,
        "rule": alert.rule,
        "metric": alert.metric,
        "subject": alert.subject,
        "version": alert.version,
        "severity": alert.severity,
        "state": alert.state,
        "since": _moment(alert.since_us),
        "reason": step.reason,
        "evidence": step.evidence,
        "look_at": alert.look_at,
        "acknowledged_by": alert.acknowledged.by if alert.acknowledged else "",
        "steps": [{"state": s.state, "time": _moment(s.time_us)} for s in alert.steps],
    }


def sign(body: bytes, notification_id: str, time_s: int, secret: str) -> dict[str, str]:
    """Headers that prove who sent a body, and when, as standardwebhooks.com has them.

    The signature is HMAC-SHA256 of `id.timestamp.body`. A secret that starts with `whsec_` is
    base64; of any other the bytes are used.

    Args:
        body: as it is sent.
        notification_id: the same at every attempt.
        time_s: of the attempt, seconds since 1970.
        secret: that the receiver knows, too; without one nothing is signed.

    Example:
        >>> secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        >>> body = b'{"test": 2432232314}'
        >>> headers = sign(body, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, secret)
        >>> headers["webhook-signature"]
        'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    headers = {"webhook-id": notification_id, "webhook-timestamp": str(time_s)}
    if secret:
        signed = b"%s.%d.%s" % (notification_id.encode(), time_s, body)
        digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def slack(notification: Notification) -> bytes:
    """JSON for Slack and what takes the same; nothing in it calls people by a field's name."""
    message = notification.message
    text = f"*{_escape(message.title)}*\n{_escape(message.text)}"
    return msgspec.json.encode({"text": text[:SLACK_LENGTH_MAX]})


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def alertmanager(notification: Notification) -> bytes:
    """JSON for `POST /api/v2/alerts` of Alertmanager."""
    return msgspec.json.encode([_for_alertmanager(a) for a in notification.message.alerts])


def _for_alertmanager(alert: Alert) -> dict[str, Any]:
    step = alert.steps[-1]
    ends_us = step.time_us if alert.state == "resolved" else step.time_us + FIRING_US
    labels = {
        "alertname": alert.rule,
        "endpoint": alert.endpoint,
        "severity": alert.severity,
        "metric": alert.metric,
        "subject": alert.subject,
        "cause": alert.cause,
    }
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": step.reason, "look_at": alert.look_at},
        "startsAt": _moment(alert.since_us),
        "endsAt": _moment(ends_us),
    }


def letter(notification: Notification, sender: str, to: list[str]) -> EmailMessage:
    """A mail in plain text."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = notification.message.title
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    domain = parseaddr(sender)[1].rpartition("@")[2]
    letter["Message-ID"] = f"<{notification.id}@{domain}>"
    letter["Date"] = datetime.fromtimestamp(notification.created_us / 1e6, UTC)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(notification.message.text)
    return letter


def _moment(time_us: int) -> str:
    moment = datetime.fromtimestamp(max(time_us, 0) / 1e6, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
