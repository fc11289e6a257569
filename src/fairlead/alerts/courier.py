"""Carries notifications to their receivers: at least once, never for ever, beside the loop."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from fairlead.alerts.send import send
from fairlead.alerts.settings import ChannelSettings
from fairlead.alerts.types import NOTIFICATIONS, Notification
from fairlead.clock import Clock
from fairlead.errors import ConflictError, FairleadError
from fairlead.store import Delete, Event, Put, Store, Stored

ATTEMPTS_MAX = 20
BACKOFF_S = 5.0
BACKOFF_S_MAX = 3600.0
KEEP_US = 7 * 86_400_000_000

Send = Callable[[ChannelSettings, Notification, int], None]


def backoff_s(notification_id: str, attempts: int) -> float:
    """How long to wait after an attempt, in seconds.

    It doubles from 5 s to an hour, and is spread by half around it, differently for each
    notification, so that they do not all come at once.

    Example:
        >>> 2.5 <= backoff_s("a", 1) <= 7.5, backoff_s("a", 1) != backoff_s("b", 1)
        (True, True)
    """
    spread = zlib.crc32(f"{notification_id}/{attempts}".encode()) / 2**32
    return float(min(BACKOFF_S * 2.0 ** min(attempts - 1, 60), BACKOFF_S_MAX) * (0.5 + spread))


@dataclass
class _Attempt:
    """One that is under way in a thread of its own.

    Args:
        stored: the notification as it was claimed.
        thread: that tries.
        problem: why it failed; None until it ended, empty if it did not fail.
    """

    stored: Stored[Notification]
    thread: threading.Thread = field(init=False)
    problem: str | None = None


class Courier:
    """Delivers what waits, one attempt at a time through each channel.

    An attempt is on record before it begins, and its outcome after it has ended: what is killed
    in between is tried again. Of alerts with the same cause the older notification goes first.

    Args:
        store: that notifications wait in.
        clock: for when attempts are due.
        channels: by name.
        send: tries once; may take its time.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Mapping[str, ChannelSettings],
        send: Send = send,
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels
        self._send = send
        self._under_way: dict[str, _Attempt] = {}

    def tick(self) -> None:
        """Note what came of attempts, and begin those that are due. Never waits for a receiver."""
        self._note_ended()
        now_us = self._clock.now_us()
        blocked = set()
        for stored in self._store.scan(NOTIFICATIONS):  # by key, that is by age
            notification = stored.value
            if notification.state == "dead":
                if now_us - notification.created_us > KEEP_US:
                    self._store.commit(Delete(stored.key, stored.revision))
                continue
            message = notification.message
            line = (notification.channel, message.endpoint, message.cause)
            if line not in blocked and self._is_due(notification, now_us):
                self._try(stored, now_us)
            blocked.add(line)

    def close(self, timeout_s: float = 2.0) -> None:
        """Give attempts that are under way a moment to end, and note what came of them."""
        deadline_s = time.monotonic() + timeout_s
        for attempt in self._under_way.values():
            attempt.thread.join(max(0.0, deadline_s - time.monotonic()))
        self._note_ended()

    def _is_due(self, notification: Notification, now_us: int) -> bool:
        """Whether its time has come; a clock that was set back makes nobody wait for long."""
        if notification.channel in self._under_way:
            return False
        wait_us = notification.next_us - now_us
        return wait_us <= 0 or wait_us > 2 * BACKOFF_S_MAX * 1e6

    def _try(self, stored: Stored[Notification], now_us: int) -> None:
        notification = stored.value
        channel = self._channels.get(notification.channel)
        if channel is None:
            self._end(stored, "The settings know no such channel any more.")
            return
        if notification.attempts >= ATTEMPTS_MAX:  # the last one was killed
            self._end(stored, notification.problem or "It was never known how attempts ended.")
            return
        attempts = notification.attempts + 1
        next_us = now_us + round(backoff_s(notification.id, attempts) * 1e6)
        claimed = replace(notification, attempts=attempts, next_us=next_us)
        revision = self._store.commit(Put(NOTIFICATIONS, stored.key, claimed, stored.revision))
        attempt = _Attempt(Stored(stored.key, claimed, revision))
        attempt.thread = threading.Thread(
            target=self._attempt, args=(channel, attempt, now_us // 1_000_000),
            name=f"channel-{notification.channel}", daemon=True,
        )  # fmt: skip
        self._under_way[notification.channel] = attempt
        attempt.thread.start()

    def _attempt(self, channel: ChannelSettings, attempt: _Attempt, time_s: int) -> None:
        try:
            self._send(channel, attempt.stored.value, time_s)
        except Exception as error:  # whatever a receiver does must not end the courier
            attempt.problem = problem_of(error)
        else:
            attempt.problem = ""

    def _note_ended(self) -> None:
        for name, attempt in list(self._under_way.items()):
            if attempt.thread.is_alive():
                continue
            del self._under_way[name]
            problem = attempt.problem
            stored = attempt.stored
            with contextlib.suppress(ConflictError):  # another controller has taken over
                if problem == "":
                    self._end(stored, "")
                elif stored.value.attempts >= ATTEMPTS_MAX:
                    self._end(stored, problem or "The attempt ended without a word.")
                else:
                    failed = replace(stored.value, problem=problem or "")
                    self._store.commit(Put(NOTIFICATIONS, stored.key, failed, stored.revision))

    def _end(self, stored: Stored[Notification], problem: str) -> None:
        """Take a notification out of the line; that a channel fails is said through none."""
        ended = replace(stored.value, state="dead", problem=problem)
        event = Event(
            time_us=self._clock.now_us(),
            actor="controller",
            action=f"notification {'given up' if problem else 'delivered'}",
            subject=stored.key,
            detail={
                "channel": ended.channel,
                "title": ended.message.title,
                "attempts": ended.attempts,
                "problem": problem,
            },
        )
        change = (
            Put(NOTIFICATIONS, stored.key, ended, stored.revision)
            if problem
            else Delete(stored.key, stored.revision)
        )
        self._store.commit(change, events=(event,))


def problem_of(error: Exception) -> str:
    """Why an attempt failed, without what a receiver wrote or a URL holds."""
    if isinstance(error, FairleadError):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}."
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server answered with {error.smtp_code}."
    if (
        isinstance(error, OSError)
        and error.strerror
        and not isinstance(error, smtplib.SMTPException)
    ):
        return f"The network failed: {error.strerror}."
    return f"It failed with {type(error).__name__}."
