"""A test of a channel: one message to its receiver, now."""

from __future__ import annotations

from fairlead.alerts import Alert, Notification, Step
from fairlead.alerts.compose import compose
from fairlead.alerts.courier import problem_of
from fairlead.alerts.send import send
from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError, UnavailableError
from fairlead.ids import IdSource
from fairlead.nearest import nearest


def try_channel(workspace: Workspace, name: str) -> str:
    """Send a test message through a channel, once and directly.

    Args:
        workspace: whose settings name the channel.
        name: of the channel.

    Returns:
        The id of the notification, by which the receiver knows it.

    Raises:
        NotFoundError: there is no such channel.
        UnavailableError: it was not delivered; says why.
    """
    channels = workspace.settings.alerts.channel
    if name not in channels:
        close = nearest(name, channels)
        raise NotFoundError(
            f"There is no channel '{name}'.",
            hint=f"Did you mean '{close}'?"
            if close
            else "Channels are tables [alerts.channel.NAME] in fairlead.toml.",
        )
    now_us = workspace.clock.now_us()
    notification = Notification(
        id=IdSource(workspace.clock).one(),
        channel=name,
        message=compose("test", [_alert(now_us)], ()),
        created_us=now_us,
        next_us=now_us,
    )
    try:
        send(channels[name], notification, now_us // 1_000_000)
    except Exception as error:  # whatever it was, it is said without secrets
        raise UnavailableError(
            f"The channel '{name}' did not deliver: {problem_of(error)}"
        ) from None
    return notification.id


def _alert(now_us: int) -> Alert:
    """An alert that is over already, so that nothing keeps waiting for its end."""
    reason = "This is a test of the channel; nothing is wrong."
    return Alert(
        endpoint="test",
        rule="test",
        metric="test",
        subject="",
        version="",
        cause="test",
        severity="digest",
        look_at="",
        since_us=now_us,
        steps=(Step(state="resolved", time_us=now_us, reason=reason, evidence={}),),
        holds=False,
        turn_us=now_us,
    )
